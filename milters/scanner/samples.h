// What a set of signatures is tested with before it is used.
#pragma once

#include <string>
#include <vector>

namespace milters::scanner {

/// A file of the self-test.
struct Sample {
    std::string name;
    std::string bytes;
    bool infected;
};

/// The EICAR test file, bare and as an attachment, made here so that no file
/// of ours holds it; and mail, HTML, an image and nothing at all, which every
/// sane set leaves alone.
/// @param with_eicar  false for sets that do not know it
std::vector<Sample> samples(bool with_eicar);

/// A mail with a harmless file in more zips than any scanner opens.
std::string zip_too_deep();

/// A mail with a zip whose member is marked as encrypted.
std::string encrypted_zip();

}  // namespace milters::scanner
