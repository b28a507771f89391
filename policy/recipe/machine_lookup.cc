// Names as recipes ask for them.
#include <algorithm>

#include "policy/recipe/machine.h"

namespace policy::recipe {

std::optional<std::string_view> Machine::special(std::string_view name)
{
    switch (name[0]) {
        case '=':
            scratch_ = std::to_string(score_);
            return scratch_;
        case '?':
            scratch_ = std::to_string(last_exit_);
            return scratch_;
        case '$':
            scratch_ = std::to_string(process_);
            return scratch_;
        case '#':
            scratch_ = std::to_string(setup_->arguments.size() - shifted_);
            return scratch_;
        case '_':
            return frames_.back().path;
        case '-':
            return variables_.value("LASTFOLDER");
        default:
            break;
    }
    if (name[0] < '0' || name[0] > '9')
        return std::nullopt;
    const auto number = static_cast<std::size_t>(name[0] - '0');
    if (number == 0)
        return setup_->program;
    outcome_.watched = outcome_.watched || number > 1;
    if (number + shifted_ <= setup_->arguments.size())
        return setup_->arguments[number + shifted_ - 1];
    return std::nullopt;
}

Lookup Machine::lookup()
{
    return [this](std::string_view name) -> std::optional<std::string_view> {
        if (name.empty())
            return std::nullopt;
        if (name.size() == 1 && !(begins_name(name[0]) && name[0] != '_'))
            return special(name);
        return named(name);
    };
}

std::optional<std::string_view> Machine::named(std::string_view name)
{
    const auto& watched = setup_->watched;
    if (std::find(watched.begin(), watched.end(), name) != watched.end())
        outcome_.watched = true;
    const auto set = variables_.get(name);
    if (set || spool_ || !name.starts_with("ATTACHMENT_"))
        return set;
    // Made when they are asked for: to procmail they are empty.
    if (name == "ATTACHMENT_NAMES")
        return message_->decoded().names;
    if (name == "ATTACHMENT_TYPES")
        return message_->decoded().types;
    return std::nullopt;
}

}  // namespace policy::recipe
