#include "policy/recipe/spool.h"

#include <algorithm>

namespace policy::recipe {
namespace {

using Form = SpoolForm;

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
    : tree_{std::move(home)}, names_{std::move(host)}
{
}

bool Spool::make_maildir(const std::string& path)
{
    bool made = true;
    for (const char* sub : {"/tmp", "/new", "/cur"})
        made = made && tree_.make_directory(path + sub);
    return made;
}

std::vector<std::string> Spool::lock_errors(std::string_view cwd,
                                            const std::string& name)
{
    constexpr int pause = 8;  // seconds
    std::vector<std::string> errors;
    const std::string place = parent_of(tree_.full(cwd, name));
    if (tree_.writable(place)) {
        names_.temporary();
        return errors;
    }
    // A directory may yet appear, but not the right to write to it.
    const int tries = tree_.is_directory(cwd, place) ? 1 : 8;
    const std::size_t slash = name.rfind('/');
    const std::string folder =
        slash == name.npos ? "" : name.substr(0, slash + 1);
    for (int i = 0; i < tries; ++i) {
        if (i > 0)
            names_.sleep(pause);
        errors.push_back("Error while writing to \"" + folder +
                         names_.temporary() + "\"");
    }
    errors.push_back("Lock failure on \"" + name + "\"");
    return errors;
}

std::string Spool::link(std::string_view cwd, const std::string& word,
                        std::vector<std::string>& errors)
{
    std::string name = word;
    const Form form = take_form(name);
    const std::string path = tree_.full(cwd, name);
    const bool there = !name.empty() && tree_.make_directory(path);
    if (!there || (form == Form::maildir && !make_maildir(path))) {
        errors.push_back("Unable to treat as directory \"" + name +
                         (there ? "/new\"" : "\""));
        if (!name.empty())
            errors.push_back("Skipped: " + name);
        return {};
    }
    if (form == Form::maildir)
        return name + "/new/" + names_.maildir();
    if (form == Form::mh)
        return name + "/" + std::to_string(++mh_last_[path]);
    return name + "/msg.x";
}

bool Spool::open(Target& target, Written& out)
{
    if (target.form == Form::plain)
        return true;
    const bool there = tree_.make_directory(target.path);
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

/// Bytes of a part with the empty line that ends it.
std::size_t Spool::plain_size(const WriteOrder& order)
{
    const std::string_view part = order.part;
    const bool newline =
        !order.raw && (part.size() < 2 || !part.ends_with("\n\n"));
    return part.size() + (newline ? 1 : 0);
}

/// Whether a message can be made in a directory that is no maildir.
bool Spool::is_writable_folder(const Target& target, Written& out)
{
    const std::string temporary = names_.temporary();
    if (tree_.writable(target.path))
        return true;
    out.errors.push_back("Error while writing to \"" + target.name + "/" +
                         temporary + "\"");
    out.errors.push_back("Couldn't create or rename temp file \"" +
                         target.name + "/\"");
    return false;
}

void Spool::write_directory(const Target& target, const WriteOrder& order,
                            Written& out)
{
    out.size = plain_size(order);
    if (target.form == Form::maildir) {
        const std::string_view text = order.message.text();
        const bool whole = order.part.data() == text.data();
        const std::size_t from =
            whole ? text.size() - order.message.text_after_from().size() : 0;
        out.kind = "maildir";
        out.target = target.name + "/";
        out.last_folder = target.name + "/new/" + names_.maildir();
        out.size = order.part.size() - from;
    } else if (target.form == Form::mh) {
        out.kind = "mh";
        out.target = target.name + "/.";
        out.last_folder =
            target.name + "/" + std::to_string(++mh_last_[target.path]);
    } else {
        out.kind = "dir";
        out.target = target.name;
        out.last_folder = target.name + "/msg.x";
    }
    out.done = true;
}

void Spool::write_null(const Target& target, const WriteOrder& order,
                       Written& out)
{
    out.kind = "null";
    out.target = out.last_folder = target.name;
    out.size = order.part.size();
    out.done = true;
}

/// A name that only turns out to be a pipe has no program.
void Spool::write_stdout(const WriteOrder& order, Written& out)
{
    out.kind = "stdout";
    out.target = out.last_folder = order.words[0];
    out.size = plain_size(order);
    out.done = out.recorded = true;
}

void Spool::lock(const Target& target, const WriteOrder& order, Written& out)
{
    if (!order.lock_extension)
        return;
    const std::string name = target.name + std::string{*order.lock_extension};
    if (name == order.held_lock)
        return;
    for (std::string& text : lock_errors(order.cwd, name))
        out.errors.push_back(std::move(text));
}

/// A file with a number for its name looks like a message of an MH folder to
/// who reads the log.
void Spool::show_number_as_mh(const WriteOrder& order, Written& out) const
{
    const std::string& name = out.target;
    const std::size_t slash = name.rfind('/');
    if (slash == name.npos || slash + 1 == name.size() ||
        name.find_first_not_of("0123456789", slash + 1) != name.npos ||
        !tree_.is_directory(order.cwd,
                            name.substr(0, std::max(slash, std::size_t{1}))))
        return;
    out.kind = "mh";
    out.target = name.substr(0, slash) + "/.";
}

void Spool::write_file(const Target& target, const WriteOrder& order,
                       Written& out)
{
    const std::string& as_named =
        order.by_default ? order.words[0] : target.name;
    out.kind = "mbox";
    out.target = out.last_folder = as_named;
    show_number_as_mh(order, out);
    out.size = plain_size(order) +
               (order.raw ? 0 : order.message.from_lines(order.part));
    lock(target, order, out);
    if (as_named != target.name || !tree_.make_file(target.path)) {
        out.opened = false;
        out.done = order.ignore_errors;
        out.unnoticed = out.target != target.name;
        if (!out.done)
            out.errors.push_back("Error while writing to \"" + target.name +
                                 "\"");
        return;
    }
    out.done = true;
    if (!order.raw && !order.part.empty())
        names_.sleep(1);  // for the sake of time stamps
}

/// Only a directory can have others that get a link.
void Spool::skip_others(const WriteOrder& order, Written& out)
{
    std::string rest;
    for (std::size_t i = 1; i < order.words.size(); ++i)
        rest += (i > 1 ? " " : "") + order.words[i];
    if (!rest.empty())
        out.errors.push_back("Skipped: " + rest);
}

void Spool::link_others(const WriteOrder& order, Written& out)
{
    const std::vector<std::string>& words = order.words;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string linked = link(order.cwd, words[i], out.errors);
        if (!linked.empty())
            out.last_folder += " " + linked;
    }
}

Written Spool::write(const WriteOrder& order)
{
    Written out;
    Target target;
    target.name = order.words[0];
    target.form = take_form(target.name);
    target.path = tree_.full(order.cwd, target.name);
    target.directory = target.form == Form::plain &&
                       tree_.is_directory(order.cwd, target.name);
    if (target.name.starts_with("|") && order.words.size() == 1) {
        write_stdout(order, out);
        return out;
    }
    if (!open(target, out))
        return out;
    if (target.directory && target.form != Form::maildir &&
        !is_writable_folder(target, out))
        return out;
    out.recorded = true;
    if (!target.directory)
        skip_others(order, out);
    if (target.directory)
        write_directory(target, order, out);
    else if (target.name == "/dev/null")
        write_null(target, order, out);
    else
        write_file(target, order, out);
    if (target.directory)
        link_others(order, out);
    return out;
}

}  // namespace policy::recipe
