#include "policy/recipe/folder_line.h"

#include "policy/recipe/cursor.h"

namespace policy::recipe {

FolderStart folder_start(std::string_view line)
{
    FolderStart out;
    Cursor at{line};
    bool ends_well = false;
    out.tail = at.name(ends_well);
    const auto end_word = [&] {
        if (!at.skip_blanks())
            return;
        out.words.push_back(out.tail);
        out.tail.clear();
    };
    if (ends_well) {
        end_word();
        if (at.take('=')) {
            out.tail += '=';
            end_word();
        }
    }
    out.used = at.position();
    return out;
}

}  // namespace policy::recipe
