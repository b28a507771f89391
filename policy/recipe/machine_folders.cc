// Folders: those that recipes name, DEFAULT and ORGMAIL.
#include <utility>

#include "policy/recipe/folder_line.h"
#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {
namespace {

constexpr std::string_view null_device = "/dev/null";

/// Bytes of a line that a name alone may not fill.
constexpr std::size_t name_margin = 6;

}  // namespace

Machine::Go Machine::folder(const Step& step, const Flags& flags)
{
    const std::string_view line = step.recipe->action.text;
    FolderStart start = folder_start(line);
    const Expansion text =
        value_of(line.substr(start.used), Words::split,
                 line_limit_ > start.used ? line_limit_ - start.used : 0);
    if (text.overflow || start.tail.size() + name_margin > line_limit_) {
        overflow();
        worked_ = false;
        return Go::on;
    }
    // A filter flag that does not belong here makes the whole mail pass.
    const std::string_view part =
        flags.filter ? message_->text() : passed_part(flags);
    std::vector<std::string> words = std::move(start.words);
    for (const std::string& word : text.words())
        words.push_back(std::exchange(start.tail, {}) + word);
    return write_folder(words, step, flags, part);
}

Machine::Go Machine::write_folder(const std::vector<std::string>& words,
                                  const Step& step, const Flags& flags,
                                  std::string_view part)
{
    const std::string place = where(step.recipe->line);
    const bool null = words[0] == null_device;
    const bool copy = step.recipe->head.flags.copy;
    effect({null ? Effect::Kind::discard : Effect::Kind::deliver,
            words,
            {},
            flags.copy,
            place,
            part.size() == message_->header().size() && flags.pass_head,
            flags.pass_body && !flags.pass_head});
    if (!spool_) {
        set_last_folder(words[0]);
        trace_action({"folder", words[0], {}, {}}, false);
        if (setup_->trace)
            outcome_.deliveries.push_back(
                {"folder", {}, words[0], place, copy, part.size(), false});
        return done(flags, true);
    }
    lock_folder(words[0]);
    Written written = spool_->write(
        {directory_, words, *message_, part, flags.raw, flags.ignore_errors});
    if (!written.opened)
        written.size = last_size_;
    const bool worked = written.done;
    Delivery delivery{"folder",
                      written.kind,
                      written.target,
                      place,
                      copy,
                      written.size,
                      !worked && !written.unnoticed};
    if (!keep(std::move(written), std::move(delivery)))
        return done(flags, false);
    const Delivery& kept = outcome_.deliveries.back();
    trace_action({"folder", kept.target, {}, {}}, kept.failed);
    return done(flags, worked);
}

/// Notes what came of writing to a folder; false if it was not even opened.
bool Machine::keep(Written written, Delivery delivery)
{
    for (std::string& text : written.errors)
        error(std::move(text));
    if (!written.recorded)
        return false;
    set_last_folder(written.last_folder);
    if (written.done)
        last_size_ = written.size;
    else
        delivery.size.reset();
    outcome_.deliveries.push_back(std::move(delivery));
    return true;
}

void Machine::deliver_by_default()
{
    std::string first;
    for (const char* name : {"DEFAULT", "ORGMAIL"}) {
        const std::string box{variables_.value(name)};
        if (box.empty() || box == first || outcome_.ending == Ending::delivered)
            continue;
        first = box;
        if (!spool_) {
            effect({Effect::Kind::deliver, {box}, {}, false, "default"});
            return;
        }
        if (write_by_default(box, name == std::string_view{"DEFAULT"}))
            outcome_.ending = Ending::delivered;
    }
}

bool Machine::write_by_default(const std::string& box, bool locks)
{
    const std::string extension{variables_.value("LOCKEXT")};
    const std::vector<std::string> words{box};
    WriteOrder order{directory_, words, *message_, message_->text()};
    order.by_default = true;
    order.held_lock = global_lock_;
    if (locks)
        order.lock_extension = extension;
    Written written = spool_->write(order);
    const bool worked = written.done;
    Delivery delivery{"folder",
                      written.kind,
                      written.target,
                      "default",
                      {},
                      written.size,
                      !written.done && !written.unnoticed};
    keep(std::move(written), std::move(delivery));
    return worked;
}

}  // namespace policy::recipe
