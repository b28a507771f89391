#include "milters/chain/header_list.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace milters::chain {
namespace {

/// sendmail's own, in the order of the H lines of cf/m4/proto.m4.
constexpr std::array<const char*, 9> own_fields{
    "Return-Path", "Received",  "Resent-Date",       "Date",      "Resent-From",
    "From",        "Full-Name", "Resent-Message-Id", "Message-Id"};

/// Of which a message may have several, and sendmail never replaces one.
constexpr std::array<std::string_view, 4> trace_fields{
    "received", "x400-received", "via", "mail-from"};

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

bool is_trace(std::string_view name)
{
    return std::any_of(trace_fields.begin(), trace_fields.end(),
                       [&](std::string_view one) { return same(one, name); });
}

}  // namespace

HeaderList::HeaderList(Mta kind) : kind_{kind}
{
    if (kind == Mta::postfix) {
        fields_.push_back({"", std::nullopt});  // its Received, never shown
        return;
    }
    for (const char* name : own_fields)
        fields_.push_back({name, std::nullopt});
}

void HeaderList::append(std::string_view name, std::string_view value)
{
    fields_.push_back({std::string{name}, std::string{value}, true, true});
}

void HeaderList::begin_view()
{
    for (Field& field : fields_)
        if (!field.value)
            field.seen = false;
}

void HeaderList::for_each(
    const std::function<void(const std::string&, const std::string&)>& show)
    const
{
    for (const Field& field : fields_)
        if (field.value && field.seen)
            show(field.name, *field.value);
}

HeaderList::Place HeaderList::find(const std::string& name, int index)
{
    auto own = fields_.end();
    for (auto field = fields_.begin(); field != fields_.end(); ++field) {
        if (!same(field->name, name))
            continue;
        if (field->seen && --index <= 0)
            return field;
        if (!field->seen && !field->replaced && !is_trace(name))
            own = field;
    }
    return own;
}

HeaderList::Place HeaderList::spare(const std::string& name)
{
    if (is_trace(name))
        return fields_.end();
    return std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) {
        return !f.seen && !f.replaced && same(f.name, name);
    });
}

int HeaderList::index_of(const std::string& name, Place field)
{
    int index = 1;
    for (auto at = fields_.begin(); at != fields_.end(); ++at) {
        if (at == field && field->counted)
            return index;
        if (at->counted && same(at->name, name))
            ++index;
    }
    return index;
}

void HeaderList::put(const std::string& name, const std::string& value)
{
    const auto at =
        kind_ == Mta::postfix
            ? fields_.end()
            : std::find_if(fields_.begin(), fields_.end(),
                           [&](const Field& f) { return same(f.name, name); });
    fields_.insert(at, {name, value, true, true});
}

bool HeaderList::add(milter::Context& mta, const std::string& name,
                     const std::string& value)
{
    const auto field = spare(name);
    if (field == fields_.end()) {
        if (!mta.add_header(name, value))
            return false;
        put(name, value);
        return true;
    }
    if (field->counted && value.empty())
        return put_behind(mta, field);
    // Deleted by a milter before this one: to the MTA, one of the message's.
    if (!(field->counted
              ? mta.change_header(name, index_of(name, field), &value)
              : mta.add_header(name, value)))
        return false;
    field->value = value;
    field->counted = field->seen = true;
    return true;
}

/// To change a field to nothing would delete it.
bool HeaderList::put_behind(milter::Context& mta, Place field)
{
    const std::string name = field->name;
    const auto index = std::distance(fields_.begin(), field);
    if (!mta.insert_header(static_cast<int>(index), name, ""))
        return false;
    fields_.insert(std::next(field), {name, "", true, true});
    field->replaced = true;
    return true;
}

bool HeaderList::insert(milter::Context& mta, int index,
                        const std::string& name, const std::string& value)
{
    // Behind the n-th, or with Postfix above it; counted from 0.
    int before = kind_ == Mta::postfix ? index : index + 1;
    auto at = fields_.begin();
    for (; at != fields_.end() && (before > 0 || at->replaced); ++at) {
        if (at->replaced)
            ++index;  // the MTA has one more
        else
            --before;
    }
    if (!mta.insert_header(index, name, value))
        return false;
    fields_.insert(at, {name, value, true, true});
    return true;
}

bool HeaderList::change(milter::Context& mta, const std::string& name,
                        int index, const std::string* value)
{
    const auto field = find(name, index);
    if (!mta.change_header(name, index_of(name, field), value))
        return false;
    const bool deletes = !value || value->empty();
    if (field != fields_.end()) {
        if (deletes && kind_ == Mta::postfix) {
            fields_.erase(field);
        } else if (deletes) {
            field->value.reset();
        } else {
            if (kind_ == Mta::postfix)
                field->name = name;
            field->value = *value;
            field->counted = field->seen = true;
        }
    } else if (!deletes) {
        put(name, *value);
    }
    return true;
}

}  // namespace milters::chain
