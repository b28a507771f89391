// Lock files, of which a milter needs none: what procmail says of them as a
// delivery agent.  Source: procmailrc(5), "Local lockfile", LOCKFILE.
#include "policy/recipe/machine.h"

namespace policy::recipe {

/// The words behind the second colon.
std::vector<std::string> Machine::lock_words(const Head& head)
{
    const std::string_view text = head.text;
    return expand(text.substr(text.find(':') + 1), Words::split, lookup(),
                  line_limit_)
        .words();
}

/// What stands behind the name of a lock has no meaning.
void Machine::complain_of_lock(const Head& head)
{
    std::vector<std::string> words = lock_words(head);
    words.erase(words.begin());
    if (!words.empty())
        error("Skipped: " + joined(words, ' '));
}

/// For a program: its lock must be named.
void Machine::lock(const std::string& program)
{
    if (!spool_ || !head_->lock)
        return;
    const std::string name = lock_words(*head_)[0];
    if (name.empty())
        error("Couldn't determine implicit lockfile from \"" + program + "\"");
    else
        take_lock(name);
}

/// For a folder, "" for a block: without a name its own and LOCKEXT.
void Machine::lock_folder(const std::string& folder)
{
    if (!spool_ || !head_->lock)
        return;
    const std::string name = lock_words(*head_)[0];
    if (!name.empty())
        take_lock(name);
    else if (folder != "/dev/null")
        take_lock(folder + std::string{variables_.value("LOCKEXT")});
}

void Machine::take_lock(const std::string& name)
{
    if (!global_lock_.empty() && name == global_lock_) {
        error("Deadlock attempted on \"" + name + "\"");
        return;
    }
    for (std::string& complaint : spool_->lock_errors(directory_, name))
        error(std::move(complaint));
}

/// LOCKFILE=name: held up to the end, or until another is named.
void Machine::hold_lock(const std::string& name)
{
    if (!spool_ || name == global_lock_)
        return;
    global_lock_.clear();
    if (name.empty())
        return;
    std::vector<std::string> complaints = spool_->lock_errors(directory_, name);
    for (std::string& complaint : complaints)
        error(std::move(complaint));
    if (complaints.empty())
        global_lock_ = name;
    else
        unset("LOCKFILE");
}

}  // namespace policy::recipe
