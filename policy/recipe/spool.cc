#include "policy/recipe/spool.h"

#include <algorithm>

namespace policy::recipe {
namespace {

using Form = SpoolForm;

/// NAME_MAX of most file systems.
constexpr std::size_t longest_name = 255;

std::string parent(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

/// Takes the mark of the folder's kind off its name.
Form take_form(std::string& name)
{
    Form form = Form::plain;
    if (name.size() == 2 && name[1] == '/') {
        name.pop_back();
        return Form::maildir;
    }
    if (name.size() <= 2)
        return form;
    if (name.ends_with("/.")) {
        name.resize(name.size() - 2);
        form = Form::mh;
    } else if (name.ends_with("/")) {
        name.pop_back();
        form = Form::maildir;
    } else {
        return form;
    }
    while (name.size() > 1 && name.back() == '/')
        name.pop_back();
    return form;
}

}  // namespace

Spool::Spool(std::string home, std::string host)
    : home_{std::move(home)}, host_{std::move(host)}
{
    for (const char* path : {"/", "/home", "/var", "/var/mail", "/tmp", "/usr",
                             "/usr/bin", "/bin", "/etc", "/dev"})
        directories_.insert(path);
    directories_.insert(home_);
}

std::string Spool::full(std::string_view cwd, std::string_view path) const
{
    std::string joined{path};
    if (path.empty() || path[0] != '/') {
        joined = std::string{cwd == "." ? home_ : cwd} + "/" + joined;
        if (joined[0] != '/')
            joined = home_ + "/" + joined;
    }
    std::vector<std::string> names;
    for (std::size_t at = 0; at < joined.size();) {
        const std::size_t slash = std::min(joined.find('/', at), joined.size());
        const std::string name = joined.substr(at, slash - at);
        if (name == ".." && !names.empty())
            names.pop_back();
        else if (!name.empty() && name != "." && name != "..")
            names.push_back(name);
        at = slash + 1;
    }
    std::string out;
    for (const std::string& name : names)
        out += "/" + name;
    return out.empty() ? "/" : out;
}

void Spool::add_directory(const std::string& path)
{
    for (std::string at = full(home_, path); at != "/"; at = parent(at))
        directories_.insert(at);
}

void Spool::add_file(const std::string& path)
{
    const std::string at = full(home_, path);
    add_directory(parent(at));
    files_.insert(at);
}

bool Spool::is_directory(std::string_view cwd, std::string_view path) const
{
    return !path.empty() && directories_.count(full(cwd, path)) > 0;
}

bool Spool::writable(const std::string& directory) const
{
    if (directories_.count(directory) == 0)
        return false;
    return directory == home_ || directory.starts_with(home_ + "/") ||
           directory == "/tmp" || directory == "/var/mail" ||
           directory.starts_with("/tmp/") ||
           directory.starts_with("/var/mail/");
}

bool Spool::make_directory(const std::string& path)
{
    if (directories_.count(path) > 0)
        return true;
    if (files_.count(path) > 0 || !writable(parent(path)) ||
        path.size() - path.rfind('/') > longest_name + 1)
        return false;
    directories_.insert(path);
    return true;
}

bool Spool::make_maildir(const std::string& path)
{
    bool made = true;
    for (const char* sub : {"/tmp", "/new", "/cur"})
        made = made && make_directory(path + sub);
    return made;
}

std::string Spool::unique_name()
{
    return std::to_string(now_) + "." + std::to_string(process_) + "_" +
           std::to_string(++serial_) + "." + host_;
}

/// The name of a file that is renamed or linked when it is complete: process
/// and time in digits of 64, low ones first, and a mark that goes round.
std::string Spool::scratch_name()
{
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    constexpr std::string_view marks = ".,+%";
    if (++scratch_serial_ == marks.size()) {
        scratch_serial_ = 0;
        scratch_time_ = now_;
    }
    const auto number = [&](long long value) {
        std::string out;
        for (; value > 0; value /= 64)
            out += digits[static_cast<std::size_t>(value % 64)];
        return out;
    };
    return "_" + number(process_) + marks[scratch_serial_] +
           number(scratch_time_) + "." + host_;
}

std::vector<std::string> Spool::lock_errors(std::string_view cwd,
                                            const std::string& name)
{
    constexpr int tries = 8;
    constexpr int pause = 8;  // seconds
    std::vector<std::string> errors;
    if (writable(parent(full(cwd, name)))) {
        scratch_name();
        return errors;
    }
    const std::size_t slash = name.rfind('/');
    const std::string folder =
        slash == name.npos ? "" : name.substr(0, slash + 1);
    for (int i = 0; i < tries; ++i) {
        errors.push_back("Error while writing to \"" + folder + scratch_name() +
                         "\"");
        now_ += pause;
    }
    errors.push_back("Lock failure on \"" + name + "\"");
    return errors;
}

std::string Spool::link(std::string_view cwd, const std::string& word,
                        std::vector<std::string>& errors)
{
    std::string name = word;
    const Form form = take_form(name);
    const std::string path = full(cwd, name);
    const bool there = make_directory(path);
    if (!there || (form == Form::maildir && !make_maildir(path))) {
        errors.push_back("Unable to treat as directory \"" + name +
                         (there ? "/new\"" : "\""));
        errors.push_back("Skipped: " + name);
        return {};
    }
    if (form == Form::maildir)
        return name + "/new/" + unique_name();
    if (form == Form::mh)
        return name + "/" + std::to_string(++mh_last_[path]);
    return name + "/msg.x";
}

bool Spool::open(Target& target, Written& out)
{
    if (target.form == Form::plain)
        return true;
    const bool there = make_directory(target.path);
    if (there && (target.form == Form::mh || make_maildir(target.path))) {
        target.directory = true;
        return true;
    }
    out.errors.push_back("Unable to treat as directory \"" + target.name +
                         (there ? "/new\"" : "\""));
    if (there)
        out.errors.push_back("Skipped: " + target.name);
    target.form = Form::plain;  // procmail then tries a file of that name
    return !there;
}

void Spool::write_directory(const Target& target, std::size_t plain_size,
                            std::size_t size_without_from, Written& out)
{
    if (target.form == Form::maildir) {
        out.kind = "maildir";
        out.target = target.name + "/";
        out.last_folder = target.name + "/new/" + unique_name();
        out.size = size_without_from;
    } else if (target.form == Form::mh) {
        out.kind = "mh";
        out.target = target.name + "/.";
        out.last_folder =
            target.name + "/" + std::to_string(++mh_last_[target.path]);
        out.size = plain_size;
    } else {
        out.kind = "dir";
        out.target = target.name;
        out.last_folder = target.name + "/msg.x";
        out.size = plain_size;
    }
    out.done = true;
}

void Spool::write_file(const Target& target, bool ignore_errors, Written& out)
{
    out.kind = "mbox";
    out.target = out.last_folder = target.name;
    if (directories_.count(target.path) > 0 || !writable(parent(target.path)) ||
        target.path.size() - target.path.rfind('/') > longest_name + 1) {
        out.opened = false;
        out.done = ignore_errors;
        if (!ignore_errors)
            out.errors.push_back("Error while writing to \"" + target.name +
                                 "\"");
        return;
    }
    files_.insert(target.path);
    out.done = true;
}

void Spool::link_others(std::string_view cwd, const Target& target,
                        const std::vector<std::string>& words, Written& out)
{
    if (words.size() < 2)
        return;
    if (!target.directory) {
        std::string rest = words[1];
        for (std::size_t i = 2; i < words.size(); ++i)
            rest += " " + words[i];
        if (!rest.empty())
            out.errors.insert(out.errors.begin(), "Skipped: " + rest);
        return;
    }
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string linked = link(cwd, words[i], out.errors);
        if (!linked.empty())
            out.last_folder += " " + linked;
    }
}

Written Spool::write(std::string_view cwd,
                     const std::vector<std::string>& words,
                     const Message& message, std::string_view part, bool raw,
                     bool ignore_errors)
{
    Written out;
    Target target;
    target.name = words[0];
    target.form = take_form(target.name);
    target.path = full(cwd, target.name);
    target.directory =
        target.form == Form::plain && is_directory(cwd, target.name);
    if (!open(target, out))
        return out;
    if (target.directory && target.form != Form::maildir) {
        const std::string scratch = scratch_name();
        if (!writable(target.path)) {
            out.errors.push_back("Error while writing to \"" + target.name +
                                 "/" + scratch + "\"");
            out.errors.push_back("Couldn't create or rename temp file \"" +
                                 target.name + "/\"");
            return out;
        }
    }
    out.recorded = true;
    const bool newline = !raw && (part.size() < 2 || !part.ends_with("\n\n"));
    const std::size_t plain_size = part.size() + (newline ? 1 : 0);
    if (target.directory) {
        const bool whole = part.data() == message.text().data();
        const std::size_t from =
            whole ? message.size() - message.text_after_from().size() : 0;
        write_directory(target, plain_size, part.size() - from, out);
    } else if (target.name == "/dev/null") {
        out.kind = "null";
        out.target = out.last_folder = target.name;
        out.size = part.size();
        out.done = true;
    } else {
        out.size = plain_size + (raw ? 0 : message.from_lines(part));
        write_file(target, ignore_errors, out);
        if (out.done && out.opened && !raw && !part.empty()) {
            ++now_;  // procmail waits a second for the time stamps
            serial_ = 0;
        }
    }
    link_others(cwd, target, words, out);
    return out;
}

}  // namespace policy::recipe
