// What reads one section of the configuration has in common.
#pragma once

#include <cstdint>
#include <string>

#include "policy/config/values.h"
#include "policy/scan/mask.h"

namespace policy::config {

/// Short words for values by full name, and for what is wrong with one.
class SectionReader {
public:
    SectionReader(const Values& values, Problems& problems)
        : values_{values}, problems_{problems}
    {
    }

protected:
    std::string text(const std::string& name) const
    {
        return values_.get<std::string>(name);
    }

    std::uint64_t number(const std::string& name) const
    {
        return static_cast<std::uint64_t>(values_.get<std::int64_t>(name));
    }

    unsigned small(const std::string& name) const
    {
        return static_cast<unsigned>(number(name));
    }

    Milliseconds time(const std::string& name) const
    {
        return values_.get<Milliseconds>(name);
    }

    void complain(const std::string& name, const std::string& what)
    {
        problems_.push_back(values_.place(name) + ": " + name + ": " + what);
    }

    /// A list of patterns; complains of wrong regular expressions.
    scan::Masks masks(const std::string& name)
    {
        scan::Masks out;
        for (const auto& item : values_.get<std::vector<std::string>>(name))
            out.push_back(mask(name, item));
        return out;
    }

    scan::Mask mask(const std::string& name, const std::string& item)
    {
        scan::Mask out{item};
        if (!out.problem().empty())
            complain(name, "'" + item + "': " + out.problem());
        return out;
    }

    const Values& values_;
    Problems& problems_;
};

}  // namespace policy::config
