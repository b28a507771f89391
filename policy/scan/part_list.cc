#include "policy/scan/part_list.h"

#include <algorithm>

namespace policy::scan {
namespace {

constexpr std::size_t max_part_name = 160;

/// The end of a name tells what it is.
void cut(std::string& name)
{
    if (name.size() > max_part_name)
        name.erase(0, name.size() - max_part_name);
}

std::string key_of(const Part& part)
{
    return std::to_string(part.size) + ' ' + std::to_string(part.level) + ' ' +
           part.name;
}

}  // namespace

PartList::PartList(std::size_t most) : most_{std::min(most, max_listed)} {}

void PartList::push(Part part)
{
    full_ = full_ || parts_.size() >= most_;
    if (full_)
        return;
    known_.try_emplace(key_of(part), parts_.size());
    parts_.push_back(std::move(part));
}

void PartList::add_member(Part part)
{
    cut(part.name);
    const auto found = known_.find(key_of(part));
    if (found == known_.end())
        push(std::move(part));
    else if (part.encrypted)
        parts_[found->second].encrypted = true;
}

void PartList::add_file(Part part)
{
    cut(part.name);
    const auto found = known_.find(key_of(part));
    if (found == known_.end())
        return push(std::move(part));
    Part& known = parts_[found->second];
    if (known.type.empty())
        known.type = part.type;
    else if (known.type != part.type)
        push(std::move(part));
}

}  // namespace policy::scan
