// Which rc files a recipient's mail goes through.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "milters/filter/runtime.h"
#include "policy/recipe/world.h"

namespace milters::filter {

/// A recipient in the parts that rc files go by: of user%host@relay, those of
/// user@host.
struct Person {
    std::string address;  ///< without brackets, domain in lower case
    std::string user;     ///< lower case, without +detail
    std::string domain;   ///< lower case
};

/// @param rcpt  as the client wrote it
Person person_of(const std::string& rcpt);

/// The layers of one recipient, and whose files they are.
struct Layers {
    std::vector<policy::recipe::Layer> layers;
    std::string user_rc;   ///< the user's file: one file is one user
    std::string user_dir;  ///< its folder
    uid_t user_owner = 0;  ///< of the user's file
    std::string home;
    bool waits = false;  ///< a file that is needed is broken
    std::string broken;  ///< its path
};

/// Files of site, domain and user, as they are now.
Layers layers_of(const Runtime& runtime, const Person& person);

}  // namespace milters::filter
