// NAME=value, and what procmail does when some names are set.
#include <algorithm>

#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {
namespace {

constexpr std::string_view null_device = "/dev/null";

}  // namespace

Machine::Go Machine::assign(const Step& step)
{
    const Assignment& assignment = *step.assignment;
    const std::string& name = assignment.name;
    assignment_line_ = assignment.line;
    if (!assignment.text) {
        unset(name);
        return magic(name, "", true);
    }
    const std::size_t used = name.size() + 1;
    if (step.is_plain) {
        if (used + step.plain.size() > line_limit_) {
            overflow();
            return Go::on;
        }
        return set(name, step.plain) ? magic(name, step.plain, false) : Go::on;
    }
    const Expansion text =
        value_of(*assignment.text, Words::first,
                 line_limit_ > used ? line_limit_ - used : 0);
    for (const std::string& bad : text.bad_substitutions)
        error("Bad substitution of \"" + bad + "\"");
    if (text.overflow) {
        overflow();
        return Go::on;
    }
    const std::string value{text.first()};
    return set(name, value) ? magic(name, value, false) : Go::on;
}

void Machine::overflow()
{
    error("Exceeded LINEBUF");
    set("PROCMAIL_OVERFLOW", "yes");
}

bool Machine::set(const std::string& name, const std::string& value)
{
    if (!variables_.set(name, value)) {
        error("Too many or too long variables: " + name);
        return false;
    }
    if (setup_->trace)
        outcome_.assigns.push_back({name, value});
    return true;
}

void Machine::unset(const std::string& name)
{
    variables_.unset(name);
    if (setup_->trace)
        outcome_.assigns.push_back({name, std::nullopt});
}

void Machine::set_last_folder(const std::string& value)
{
    variables_.set("LASTFOLDER", value);
}

Machine::Go Machine::magic(const std::string& name, const std::string& value,
                           bool unset)
{
    if (name == "HOST")
        return value == setup_->host ? Go::on : stop_for_host();
    if (!spool_ && !unset && name == "LOOKUP")
        return look_up(value);
    if (!spool_ && !unset &&
        (name == "REJECT" || name == "TEMPFAIL" || name == "QUARANTINE" ||
         name == "TAG"))
        return own_word(name, value);
    if (name == "MAILDIR")
        change_directory(value);
    else if (name == "INCLUDERC")
        include(value);
    else if (name == "SWITCHRC")
        switch_to(value);
    else if (name == "EXITCODE")
        note_exit_code();
    else if (name == "LINEBUF")
        line_limit_ = std::clamp(
            static_cast<std::size_t>(std::max(to_number(value, 0), 0L)),
            limits::line_min, limits::line_max);
    else if (name == "SHIFT")
        shifted_ = std::min(setup_->arguments.size(),
                            shifted_ + static_cast<std::size_t>(
                                           std::max(to_number(value, 0), 0L)));
    else if (name == "LOCKFILE")
        hold_lock(value);
    else if (name == "LOG")
        effect({Effect::Kind::log, {}, value, true, {}});
    else if (name == "DROPPRIVS" && to_number(value, 0) != 0)
        error("Assuming identity of the recipient, VERBOSE=off");
    else if (name == "COMSAT" && !unset && to_number(value, -1) == 0)
        set("COMSAT", "no");
    return Go::on;
}

/// LOOKUP="map key": FOUND becomes what the map has, or is unset.
Machine::Go Machine::look_up(const std::string& value)
{
    const std::size_t end = std::min(value.find(' '), value.size());
    const std::string key = value.substr(std::min(end + 1, value.size()));
    auto found = world_->lookup(value.substr(0, end), key, scope());
    if (!found && found.error().code != Errc::usage) {
        error("LOOKUP=" + value + ": " + found.error().text);
        outcome_.ending = Ending::limit;
        return Go::stop;
    }
    if (!found)
        error("LOOKUP=" + value + ": " + found.error().text);
    if (found && *found)
        set("FOUND", **found);
    else
        this->unset("FOUND");
    return Go::on;
}

/// Words that a delivery agent takes for variables without a meaning.
Machine::Go Machine::own_word(const std::string& name, const std::string& value)
{
    Effect made{
        Effect::Kind::quarantine, {name}, value, true, where(assignment_line_)};
    if (name == "REJECT" || name == "TEMPFAIL") {
        made.kind = Effect::Kind::reply;
        made.copy = false;
        effect(std::move(made));
        outcome_.ending = Ending::delivered;
        return Go::stop;
    }
    if (name == "TAG") {
        const std::size_t colon = value.find(':');
        if (colon == 0 || colon == value.npos ||
            value.find_first_of(" \t\r\n") < colon ||
            value.find_first_of("\r\n") != value.npos) {
            error("TAG needs NAME: VALUE: " + value);
            return Go::on;
        }
        made.kind = Effect::Kind::tag;
        made.names = {value.substr(0, colon)};
        const std::size_t text = value.find_first_not_of(" \t", colon + 1);
        made.text = text == value.npos ? "" : value.substr(text);
    }
    effect(std::move(made));
    return Go::on;
}

void Machine::note_exit_code()
{
    exit_code_set_ = true;
    outcome_.exit_scope = scope();
}

Machine::Go Machine::stop_for_host()
{
    error("hostmis: " + setup_->host);
    outcome_.ending = Ending::host;
    outcome_.host_scope = scope();
    frames_.clear();
    return Go::stop;
}

void Machine::change_directory(const std::string& path)
{
    if (!spool_) {
        directory_ = path;
        return;
    }
    if (!spool_->tree().is_directory(directory_, path)) {
        error("Couldn't chdir to \"" + path + "\"");
        set("MAILDIR", ".");
        return;
    }
    directory_ =
        !path.empty() && path[0] == '/' ? path : directory_ + "/" + path;
}

std::string Machine::full_path(const std::string& path) const
{
    const std::string_view maildir = variables_.value("MAILDIR");
    if (path.empty() || path[0] == '/' || maildir.empty() || maildir[0] != '/')
        return path;
    return std::string{maildir} + "/" + path;
}

std::shared_ptr<const Plan> Machine::open(const std::string& path)
{
    if (++budget_->files > limits::files_a_message) {
        error("Too many rc files for one message: " + path);
        return nullptr;
    }
    const std::string full =
        !path.empty() && path[0] != '/' ? directory_ + "/" + path : path;
    auto plan = world_->rc_file(path, full, scope());
    if (!plan)
        error("Couldn't read \"" + path + "\"");
    return plan;
}

void Machine::include(const std::string& path)
{
    if (path.empty() || path == null_device)
        return;
    if (frames_.size() >= limits::includes) {
        error("Too many rc files inside each other: " + path);
        return;
    }
    const std::string named = full_path(path);
    if (auto plan = open(path))
        frames_.push_back(
            {std::move(plan), 0, blocks_.size(), named, false, scope(), {}});
}

void Machine::switch_to(const std::string& path)
{
    const bool nowhere = path.empty() || path == null_device;
    std::shared_ptr<const Plan> plan;
    if (!nowhere) {
        plan = open(path);
        if (!plan)
            return;
    }
    Frame& frame = frames_.back();
    blocks_.resize(frame.block_floor);
    if (nowhere) {
        frames_.pop_back();
        return;
    }
    const std::string named = full_path(path);
    frame = {std::move(plan), 0, frame.block_floor, named, false,
             frame.scope,     {}};
}

}  // namespace policy::recipe
