// Fields of a header as formail(1) tells them apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace policy::recipe {

/// A field with its continuation lines and newlines.
struct Field {
    std::string text;
    std::size_t name_end = 0;  ///< behind the colon, or the blank of From_

    /// Not the From_ line, whose name ends with a blank.
    bool has_colon() const { return name_end > 0 && text[name_end - 1] == ':'; }
    /// With its colon.
    std::string lower_name() const;
    /// Whether an option of this name or beginning means it; case does not
    /// matter.
    bool matches(std::string_view option) const;
};

/// Behind the colon of a field's name, 0 if the line begins with no name;
/// blanks may stand before the colon.
std::size_t name_end_of(std::string_view line);

/// Name in an option: up to and with its colon, or a mere beginning.
std::string_view option_name(std::string_view option);

/// Splits a header; blanks before colons go, as in formail.  `rest` gets the
/// empty line and the body, or what is no header any more.
std::vector<Field> split_fields(std::string_view mail, std::string_view& rest);

}  // namespace policy::recipe
