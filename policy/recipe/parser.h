// What reads a rc file statement by statement; see parse.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/ast.h"
#include "policy/recipe/cursor.h"
#include "policy/recipe/expand.h"
#include "policy/recipe/parse.h"

namespace policy::recipe {

/// Reads one text into `file`, once.  All that it is given outlives it.
class Parser {
public:
    Parser(std::string_view text, RcFile& file,
           const std::vector<std::string>& programs)
        : cursor_{text}, file_{file}, programs_{programs}
    {
    }

    void run();

private:
    bool statement();
    void recipe();
    bool conditions(Recipe& recipe, long left);
    void condition(Recipe& recipe);
    void action(Recipe& recipe);
    bool capture(Recipe& recipe);
    void block(Recipe& recipe);
    void folder(Recipe& recipe);
    void close_brace();
    void assignment();
    std::string shell_text(Words words);
    bool full();

    void fatal(std::size_t line, std::string text)
    {
        file_.problems.push_back({line, std::move(text), true});
    }
    void warn(std::size_t line, std::string text)
    {
        file_.problems.push_back({line, std::move(text), false});
    }

    Cursor cursor_;
    RcFile& file_;
    const std::vector<std::string>& programs_;
    std::vector<std::size_t> open_blocks_;  ///< lines of their braces
    std::size_t recipes_ = 0;
};

}  // namespace policy::recipe
