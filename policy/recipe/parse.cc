#include "policy/recipe/parse.h"

#include <algorithm>
#include <charconv>

#include "policy/recipe/cursor.h"
#include "policy/recipe/expand.h"
#include "policy/recipe/formail.h"
#include "policy/recipe/limits.h"

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

class Parser {
public:
    Parser(std::string_view text, RcFile& file,
           const std::vector<std::string>& programs)
        : cursor_{text}, file_{file}, programs_{programs}
    {
    }

    void run()
    {
        while (!full() && statement()) {
        }
        for (const std::size_t line : open_blocks_)
            fatal(line, "Missing closing brace for the block that begins here");
    }

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
    std::string_view text = cursor_.joined_line();
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    made.text = without_lone_backslashes(text);
    recipe.conditions.push_back(std::move(made));
    if (recipe.conditions.size() == limits::conditions + 1)
        fatal(recipe.line, "Too many conditions in one recipe");
}

void Parser::action(Recipe& recipe)
{
    recipe.action.line = cursor_.line();
    if (cursor_.take('!')) {
        recipe.action.kind = ActionKind::forward;
        recipe.action.text = shell_text(Words::split);
    } else if (cursor_.take('|')) {
        recipe.action.kind = ActionKind::pipe;
        recipe.action.text = cursor_.joined_line();
    } else if (cursor_.peek() == '{') {
        block(recipe);
    } else if (!capture(recipe)) {
        folder(recipe);
    }
    file_.statements.emplace_back(std::move(recipe));
}

/// NAME=| program
bool Parser::capture(Recipe& recipe)
{
    Cursor ahead = cursor_;
    bool ends_well = false;
    const std::string name{ahead.name(ends_well)};
    if (!ends_well)
        return false;
    ahead.skip_blanks();
    if (!ahead.take('='))
        return false;
    ahead.skip_blanks();
    if (ahead.peek() == '!') {
        fatal(recipe.action.line, "The output of a forward cannot be captured");
        cursor_ = ahead;
        shell_text(Words::split);
        return true;
    }
    if (!ahead.take('|'))
        return false;
    cursor_ = ahead;
    recipe.action.kind = ActionKind::capture;
    recipe.action.name = name;
    recipe.action.text = cursor_.joined_line();
    return true;
}

void Parser::block(Recipe& recipe)
{
    const char after = cursor_.peek(1);
    if (after != ' ' && after != '\t' && after != '\n') {
        fatal(recipe.action.line, "A blank must follow the brace of a block");
        cursor_.skip_line();
        return;
    }
    open_blocks_.push_back(recipe.action.line);
    cursor_.advance(2);
    recipe.action.kind = ActionKind::block;
}

void Parser::folder(Recipe& recipe)
{
    recipe.action.text = shell_text(Words::split);
    if (recipe.action.text.empty())
        fatal(recipe.line, "Missing action");
}

void Parser::close_brace()
{
    if (open_blocks_.empty())
        fatal(cursor_.line(), "Closing brace unexpected");
    else
        open_blocks_.pop_back();
    file_.statements.emplace_back(CloseBrace{cursor_.line()});
    cursor_.advance(1);
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

}  // namespace

bool Flags::set(char letter)
{
    constexpr std::string_view letters = "HBDAaEehbfcwWirU";
    bool Flags::*const members[] = {
        &Flags::head,       &Flags::body,          &Flags::case_matters,
        &Flags::and_also,   &Flags::and_if_done,   &Flags::or_else,
        &Flags::on_error,   &Flags::pass_head,     &Flags::pass_body,
        &Flags::filter,     &Flags::copy,          &Flags::wait,
        &Flags::wait_quiet, &Flags::ignore_errors, &Flags::raw,
        &Flags::decoded};
    const std::size_t at = letters.find(letter);
    if (at == letters.npos)
        return false;
    this->*members[at] = true;
    return true;
}

bool RcFile::usable() const
{
    return std::none_of(problems.begin(), problems.end(),
                        [](const Problem& p) { return p.fatal; });
}

Head parse_head(std::string_view text, long& number, bool own_words,
                bool expanded)
{
    Head head;
    head.text = text;
    head.variables = text.find('$') != text.npos;
    std::size_t at = std::min(text.find_first_not_of(" \t"), text.size());
    const auto [after, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (error == std::errc{})
        at = static_cast<std::size_t>(after - text.data());
    else
        number = -1;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == ' ' || c == '\t')
            continue;
        if (c == ':') {
            head.lock = true;
            break;
        }
        if ((c == 'U' && !own_words) || !head.flags.set(c)) {
            if (expanded || (c != '#' && c != '$' && c != '"' && c != '\\'))
                head.rest = text.substr(at);
            break;
        }
        head.letters.push_back(c);
    }
    return head;
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
