// Where a delivery agent puts mail: which folders would work, and how large
// what is written would be.  Only `--as-delivery-agent` asks; the milter
// writes no folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/file_tree.h"
#include "policy/recipe/message.h"
#include "policy/recipe/unique_names.h"

namespace policy::recipe {

/// What came of writing to a folder.
struct Written {
    bool done = false;
    bool unnoticed = false;   ///< failed under another name than `target`
    bool recorded = false;    ///< procmail set LASTFOLDER
    std::string kind;         ///< mbox maildir mh dir null
    std::string target;       ///< the folder as written in the rc
    std::string last_folder;  ///< value of LASTFOLDER
    std::size_t size = 0;
    bool opened = true;  ///< false: nothing was written, though `done`
    std::vector<std::string> errors;
};

/// What is to be written, and where.
struct WriteOrder {
    std::string_view cwd;
    /// The folder, and directories that get a link to what is in it.
    const std::vector<std::string>& words;
    const Message& message;
    std::string_view part;  ///< of the message
    bool raw = false;
    bool ignore_errors = false;
    /// DEFAULT or ORGMAIL, which are opened by their names as they are.
    bool by_default = false;
    /// What makes the name of a lock of the file's; nullopt: no lock.
    std::optional<std::string_view> lock_extension = std::nullopt;
    std::string_view held_lock = {};  ///< LOCKFILE
};

/// What the end of a folder's name says.
enum class SpoolForm { plain, maildir, mh };

/// The folders of the user of a delivery agent, in a tree that exists only
/// here.  Value type: a clone of a run gets a copy.
class Spool {
public:
    /// `home` and the directories given are the user's own.
    Spool(std::string home, std::string host);

    FileTree& tree() { return tree_; }
    const FileTree& tree() const { return tree_; }

    /// The process id that names of files are made of.
    void set_process(int id) { names_.set_process(id); }

    /// Makes and removes a lock file.  Where that fails, what procmail
    /// complains of.
    std::vector<std::string> lock_errors(std::string_view cwd,
                                         const std::string& name);

    Written write(const WriteOrder& order);

private:
    struct Target {
        std::string name, path;
        SpoolForm form = SpoolForm::plain;
        bool directory = false;
    };

    bool open(Target& target, Written& out);
    static std::size_t plain_size(const WriteOrder& order);
    bool is_writable_folder(const Target& target, Written& out);
    void lock(const Target& target, const WriteOrder& order, Written& out);
    void write_directory(const Target& target, const WriteOrder& order,
                         Written& out);
    void write_stdout(const WriteOrder& order, Written& out);
    void write_null(const Target& target, const WriteOrder& order,
                    Written& out);
    void show_number_as_mh(const WriteOrder& order, Written& out) const;
    void write_file(const Target& target, const WriteOrder& order,
                    Written& out);
    static void skip_others(const WriteOrder& order, Written& out);
    void link_others(const WriteOrder& order, Written& out);
    bool make_maildir(const std::string& path);
    std::string link(std::string_view cwd, const std::string& word,
                     std::vector<std::string>& errors);

    FileTree tree_;
    std::map<std::string, int> mh_last_;
    UniqueNames names_;
};

}  // namespace policy::recipe
