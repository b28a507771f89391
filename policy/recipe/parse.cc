#include "policy/recipe/parse.h"

#include <algorithm>

#include "policy/recipe/formail.h"
#include "policy/recipe/limits.h"
#include "policy/recipe/parser.h"

namespace policy::recipe {
namespace {

/// procmail loses the backslash of a line that is nothing else, but not the
/// newline behind it.
std::string without_lone_backslashes(std::string_view text)
{
    std::string out;
    bool line_starts = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool lone = line_starts && text[i] == '\\' &&
                          i + 1 < text.size() && text[i + 1] == '\n';
        line_starts = text[i] == '\n';
        if (!lone)
            out.push_back(text[i]);
    }
    return out;
}

}  // namespace

void Parser::run()
{
    while (!full() && statement()) {
    }
    for (const std::size_t line : open_blocks_)
        fatal(line, "Missing closing brace for the block that begins here");
}

bool Parser::full()
{
    if (recipes_ <= limits::recipes && open_blocks_.size() <= limits::nesting)
        return false;
    fatal(cursor_.line(), recipes_ > limits::recipes
                              ? "Too many recipes in one file"
                              : "Blocks nested too deeply");
    open_blocks_.clear();
    return true;
}

bool Parser::statement()
{
    cursor_.skip_blanks();
    if (cursor_.at_end())
        return false;
    switch (cursor_.peek()) {
        case '\n':
            cursor_.advance(1);
            break;
        case '#':
            cursor_.skip_line();
            break;
        case ':':
            recipe();
            break;
        case '}':
            close_brace();
            break;
        default:
            assignment();
    }
    return true;
}

std::string Parser::shell_text(Words words)
{
    const std::size_t line = cursor_.line();
    const std::string_view rest = cursor_.rest();
    const Expansion found = expand(rest, words, {}, rest.size());
    std::string text{rest.substr(0, found.used)};
    cursor_.advance(found.used);
    // A newline that ends the value belongs to nobody; one in quotes stays.
    if (!text.empty() && text.back() == '\n')
        text.pop_back();
    if (found.unexpected_end)
        fatal(line, "A quote that begins here has no end");
    for (const std::string& command : found.commands)
        if (const std::string why = refuse_command(command, programs_);
            !why.empty())
            fatal(line, why);
    if (found.all_arguments)
        fatal(line, "\"$@\" is only for programs");
    for (const std::string& name : found.bad_substitutions)
        fatal(line, "Bad substitution of \"" + name + "\"");
    return text;
}

void Parser::recipe()
{
    Recipe made;
    made.line = cursor_.line();
    ++recipes_;
    cursor_.advance(1);
    long number = -1;
    made.head = parse_head(shell_text(Words::split), number);
    const std::string& rest = made.head.rest;
    if (!rest.empty() && rest[0] == '{')
        fatal(made.line, "A block must begin on a line of its own");
    else if (!rest.empty())
        warn(made.line, "Skipped \"" + rest + "\"");
    if (number < 0)
        number = made.head.flags.chained() ? 0 : 1;
    if (!conditions(made, number))
        return;
    cursor_.skip_blanks();
    action(made);
}

bool Parser::conditions(Recipe& recipe, long left)
{
    bool empty_line = false;
    for (;;) {
        cursor_.skip_blanks();
        --left;
        if (cursor_.take('*') || left >= 0) {
            condition(recipe);
        } else if (cursor_.peek() == '#') {
            cursor_.skip_line();
        } else if (cursor_.peek() == '\n') {
            cursor_.advance(1);
            empty_line = true;
        } else if (cursor_.at_end()) {
            fatal(recipe.line, "Incomplete recipe: it has no action");
            return false;
        } else if (empty_line && cursor_.peek() == ':') {
            fatal(recipe.line, "Missing action");
            return false;
        } else {
            return true;
        }
        if (cursor_.at_end() && left >= 0) {
            fatal(recipe.line, "Incomplete recipe: it has no action");
            return false;
        }
    }
}

void Parser::condition(Recipe& recipe)
{
    cursor_.skip_blanks();
    Condition made;
    made.line = cursor_.line();
    made.text = without_lone_backslashes(cursor_.joined_line());
    made.size = made.text.size();
    while (made.text.ends_with(' ') || made.text.ends_with('\t'))
        made.text.pop_back();
    recipe.conditions.push_back(std::move(made));
    if (recipe.conditions.size() == limits::conditions + 1)
        fatal(recipe.line, "Too many conditions in one recipe");
}

void Parser::assignment()
{
    Assignment made;
    made.line = cursor_.line();
    bool ends_well = false;
    const std::size_t start = cursor_.position();
    made.name = cursor_.name(ends_well);
    if (!ends_well) {
        // procmail skips the word, and the line only if there was no word
        if (made.name.empty())
            cursor_.skip_line();
        else if (!cursor_.at_end())
            cursor_.skip_line();
        std::string skipped{cursor_.since(start)};
        while (!skipped.empty() && skipped.back() == '\n')
            skipped.pop_back();
        fatal(made.line,
              "Neither a recipe nor an assignment: \"" + skipped + "\"");
        return;
    }
    cursor_.skip_blanks();
    if (cursor_.take('='))
        made.text = shell_text(Words::first);
    file_.statements.emplace_back(std::move(made));
}

bool RcFile::usable() const
{
    return std::none_of(problems.begin(), problems.end(),
                        [](const Problem& p) { return p.fatal; });
}

RcFile parse(std::string_view text, std::string name,
             const std::vector<std::string>& programs)
{
    RcFile file;
    file.name = std::move(name);
    if (text.size() > limits::rc_bytes) {
        file.problems.push_back({1, "The file is too long", true});
        return file;
    }
    std::string plain;
    if (text.find("\r\n") != text.npos) {
        file.problems.push_back({1, "Lines end in CR LF; read as LF", false});
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
                plain.push_back(text[i]);
        text = plain;
    }
    Parser{text, file, programs}.run();
    return file;
}

}  // namespace policy::recipe
