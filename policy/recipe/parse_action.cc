// Action lines and the ends of blocks.  Source: procmailrc(5), "Recipe action
// line".
#include "policy/recipe/folder_line.h"
#include "policy/recipe/parser.h"

namespace policy::recipe {

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
    const std::size_t start = cursor_.position();
    cursor_.advance(folder_start(cursor_.rest()).used);
    recipe.action.text = cursor_.since(start);
    recipe.action.text += shell_text(Words::split);
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

}  // namespace policy::recipe
