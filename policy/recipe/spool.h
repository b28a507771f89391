// Where a delivery agent puts mail: which folders would work, and how large
// what is written would be.  Only `--as-delivery-agent` asks; the milter
// writes no folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/message.h"

namespace policy::recipe {

/// What came of writing to a folder.
struct Written {
    bool done = false;
    bool recorded = false;    ///< procmail set LASTFOLDER
    std::string kind;         ///< mbox maildir mh dir null
    std::string target;       ///< the folder as written in the rc
    std::string last_folder;  ///< value of LASTFOLDER
    std::size_t size = 0;
    bool opened = true;  ///< false: nothing was written, though `done`
    std::vector<std::string> errors;
};

/// What the end of a folder's name says.
enum class SpoolForm { plain, maildir, mh };

/// A tree of directories and files that exists only here: what the user of a
/// delivery agent owns.  Value type: a clone of a run gets a copy.
class Spool {
public:
    /// `home` and the directories given are the user's own.
    Spool(std::string home, std::string host);

    void add_directory(const std::string& path);
    void add_file(const std::string& path);
    bool is_directory(std::string_view cwd, std::string_view path) const;

    /// The process id that names of files are made of.
    void set_process(int id) { process_ = id; }

    /// Makes and removes a lock file.  Where that fails, what procmail
    /// complains of.
    std::vector<std::string> lock_errors(std::string_view cwd,
                                         const std::string& name);

    /// Writes `part` of the message to the folder `words`[0] and links it to
    /// the directories behind.
    Written write(std::string_view cwd, const std::vector<std::string>& words,
                  const Message& message, std::string_view part, bool raw,
                  bool ignore_errors = false);

private:
    struct Target {
        std::string name, path;
        SpoolForm form = SpoolForm::plain;
        bool directory = false;
    };

    bool open(Target& target, Written& out);
    void write_directory(const Target& target, std::size_t plain_size,
                         std::size_t size_without_from, Written& out);
    void write_file(const Target& target, bool ignore_errors, Written& out);
    void link_others(std::string_view cwd, const Target& target,
                     const std::vector<std::string>& words, Written& out);
    std::string full(std::string_view cwd, std::string_view path) const;
    bool writable(const std::string& directory) const;
    bool make_directory(const std::string& path);
    bool make_maildir(const std::string& path);
    std::string link(std::string_view cwd, const std::string& word,
                     std::vector<std::string>& errors);
    std::string unique_name();
    std::string scratch_name();

    std::string home_, host_;
    std::set<std::string> directories_, files_;
    std::map<std::string, int> mh_last_;
    long long now_ = 1000000000;
    long long scratch_time_ = 1000000000;
    std::size_t scratch_serial_ = 0;
    int serial_ = 0;
    int process_ = 2;
};

}  // namespace policy::recipe
