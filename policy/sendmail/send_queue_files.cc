// .forward and :include: files.
#include "policy/sendmail/send_queue.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/// Without a remark: ` #@# ...`.
std::string_view without_remark(std::string_view line)
{
    constexpr std::string_view mark = "#@#";
    for (auto at = line.find(mark, 1); at != line.npos;
         at = line.find(mark, at + 1)) {
        const auto end = at + mark.size();
        if (is_blank(line[at - 1]) &&
            (end == line.size() || is_blank(line[end])))
            return line.substr(0, at);
    }
    return line;
}

/// The lines of a .forward or :include: file that name somebody.
std::vector<std::string> lines_of(std::string_view text)
{
    std::vector<std::string> all;
    for (const auto& line : split(text, "\n"))
        if (!line.starts_with('#'))
            all.emplace_back(trimmed(without_remark(line)));
    return all;
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string all;
    for (const auto& line : lines)
        all += (all.empty() ? "" : ", ") + line;
    return all;
}

}  // namespace

/// The first file of ForwardPath that can be read counts, even if it is
/// empty.
Status SendQueue::forward(Index at, const Account& account, int level)
{
    macros_.set("z", account.home == "/" ? "" : account.home);
    macros_.set("u", queue_[at].to.user);
    macros_.set("h", queue_[at].to.host);
    std::vector<std::string> paths;
    for (const auto& path : split(settings_.forward_path, ":"))
        paths.push_back(macros_.expanded(path));
    for (const auto& path : paths) {
        const auto done = include(path, &account, at, level);
        if (!done || *done)
            return done ? Status{} : fail(done.error());
    }
    return {};
}

bool SendQueue::blamed(const std::string& word) const
{
    return settings_.blame.find(word) != std::string::npos;
}

/// Why a file is not used; empty: it is.
std::string SendQueue::refusal(const AddressFile& file,
                               const Account* owner) const
{
    const std::string kind = owner ? "forwardfile" : "includefile";
    if (!file.error.empty())
        return file.error;
    const bool group = file.unsafe_folder.starts_with("Group");
    if (!file.unsafe_folder.empty() && !blamed(kind + "inunsafedirpath") &&
        !(group && (blamed(kind + "ingroupwritabledirpath") ||
                    blamed("groupwritabledirpathsafe"))))
        return file.unsafe_folder;
    if (file.sticky_folder && !blamed("truststickybit") &&
        !blamed(kind + "inunsafedirpath"))
        return "World writable directory";
    if (file.group_writable && !blamed("groupwritable" + kind))
        return "Group writable file";
    if (file.world_writable && !blamed("worldwritable" + kind))
        return "World writable file";
    if (owner && file.uid != 0 && file.uid != owner->uid)
        return "Permission denied";
    return {};
}

/// Whether the file could be read; all that it names is followed.
Result<bool> SendQueue::include(const std::string& path, const Account* owner,
                                Index at, int level)
{
    const auto file =
        world_.read(path, owner ? *owner : settings_.default_user);
    const auto why = refusal(file, owner);
    if (!file.text || !why.empty()) {
        if (!owner)
            bounce(queue_[at], "Cannot open " + path + ": " + why);
        return false;
    }
    auto& entry = queue_[at];
    entry.unsafe = entry.unsafe || settings_.unsafe || file.group_writable ||
                   file.world_writable;
    if (!owner) {
        entry.account =
            file.owner.empty() ? "UID " + std::to_string(file.uid) : file.owner;
        entry.bad_shell = !file.shell_ok;
    }
    entry.self_reference = false;
    const auto lines = lines_of(*file.text);
    if (!owner)
        step("include", path, path, "");
    else if (!lines.empty())
        step("forward", path, owner->name, joined(lines));
    int count = 0;
    for (const auto& line : lines) {
        const auto sent = send_to(line, static_cast<int>(at), level + 1);
        if (!sent)
            return fail(sent.error());
        count += *sent;
    }
    if (count > 0 && !queue_[at].self_reference)
        queue_[at].state = State::gone;
    return true;
}

}  // namespace policy::sendmail
