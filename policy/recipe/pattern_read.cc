#include <cctype>

#include "policy/recipe/limits.h"
#include "policy/recipe/pattern.h"

namespace policy::recipe {
namespace {

using Kind = PatternNode::Kind;

bool upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}
bool lower(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

class PatternReader {
public:
    PatternReader(std::string_view text, bool fold) : text_{text}, fold_{fold}
    {
    }

    PatternTree read()
    {
        tree_.root = choice();
        if (!at_end())
            tree_.bad_groups = true;  // a ) that closes nothing ends it all
        return std::move(tree_);
    }

private:
    bool at_end() const { return pos_ >= text_.size(); }
    char peek(std::size_t ahead = 0) const
    {
        return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
    }
    bool group_ends() const
    {
        return at_end() || peek() == '|' || peek() == ')';
    }

    PatternNode choice();
    PatternNode sequence();
    PatternNode atom();
    PatternNode group();
    PatternNode escaped();
    PatternNode byte_class();
    PatternNode literal(char c) const;
    void add(ByteSet& set, unsigned char c, bool in) const;

    std::string_view text_;
    bool fold_;
    std::size_t pos_ = 0;
    std::size_t depth_ = 0;
    PatternTree tree_;
};

PatternNode PatternReader::choice()
{
    PatternNode node{Kind::choice, {}, {}};
    node.children.push_back(sequence());
    while (!at_end() && peek() == '|') {
        ++pos_;
        node.children.push_back(sequence());
    }
    if (node.children.size() > 1)
        return node;
    PatternNode only = std::move(node.children[0]);
    return only;
}

PatternNode PatternReader::sequence()
{
    PatternNode node;
    while (!group_ends()) {
        PatternNode piece = atom();
        if (!at_end() && (peek() == '*' || peek() == '+' || peek() == '?')) {
            if (piece.kind == Kind::mark)
                tree_.repeated_mark = true;
            const char op = peek();
            ++pos_;
            const Kind kind = op == '*'   ? Kind::star
                              : op == '+' ? Kind::plus
                                          : Kind::optional;
            PatternNode repeated{kind, {}, {}};
            repeated.children.push_back(std::move(piece));
            piece = std::move(repeated);
        }
        node.children.push_back(std::move(piece));
    }
    return node;
}

PatternNode PatternReader::atom()
{
    const char c = peek();
    switch (c) {
        case '(':
            return group();
        case '[':
            return byte_class();
        case '.': {
            ++pos_;
            PatternNode node{Kind::bytes, ByteSet{}.set(), {}};
            node.set.reset('\n');
            return node;
        }
        case '^':
        case '$':
            if (c == '^' && peek(1) == '^') {
                pos_ += 2;
                return {Kind::anchor, {}, {}};
            }
            ++pos_;
            return literal('\n');
        case '\\':
            return escaped();
        default:
            ++pos_;
            return literal(c);
    }
}

PatternNode PatternReader::group()
{
    ++pos_;
    if (++depth_ > limits::pattern_depth) {
        tree_.too_large = true;
        pos_ = text_.size();
        return {};
    }
    PatternNode inner = choice();
    --depth_;
    if (at_end())
        tree_.bad_groups = true;
    else
        ++pos_;
    // A group stays one node, so that an operator behind it holds all of it.
    PatternNode node;
    node.children.push_back(std::move(inner));
    return node;
}

PatternNode PatternReader::escaped()
{
    ++pos_;
    if (at_end())
        return literal('\\');
    const char c = text_[pos_++];
    if (c == '/') {
        tree_.marks = true;
        return {Kind::mark, {}, {}};
    }
    if (c != '<' && c != '>')
        return literal(c);
    PatternNode node{Kind::bytes, {}, {}};
    for (unsigned i = 0; i < 256; ++i) {
        const auto byte = static_cast<unsigned char>(i);
        const bool word = upper(byte) || lower(byte) || byte == '_' ||
                          (byte >= '0' && byte <= '9');
        node.set.set(i, !word);
    }
    return node;
}

PatternNode PatternReader::literal(char c) const
{
    PatternNode node{Kind::bytes, {}, {}};
    add(node.set, static_cast<unsigned char>(c), true);
    return node;
}

void PatternReader::add(ByteSet& set, unsigned char c, bool in) const
{
    set.set(c, in);
    if (fold_ && upper(c))
        set.set(c + std::size_t{'a' - 'A'}, in);
    else if (fold_ && lower(c))
        set.set(c - std::size_t{'a' - 'A'}, in);
}

PatternNode PatternReader::byte_class()
{
    PatternNode node{Kind::bytes, {}, {}};
    ++pos_;
    const bool negated = peek() == '^';
    if (negated) {
        ++pos_;
        node.set.set();
        node.set.reset('\n');
    }
    unsigned last = 0;
    if (!at_end() && (peek() == ']' || peek() == '-')) {
        last = static_cast<unsigned char>(peek());
        node.set.flip(last);
        ++pos_;
    }
    for (; !at_end() && peek() != ']'; ++pos_) {
        if (peek() == '-' && pos_ + 1 < text_.size() && peek(1) != ']') {
            ++pos_;
            const auto to = static_cast<unsigned char>(peek());
            while (++last < to)
                add(node.set, static_cast<unsigned char>(last), !negated);
        }
        last = static_cast<unsigned char>(peek());
        add(node.set, static_cast<unsigned char>(last), !negated);
    }
    if (!at_end())
        ++pos_;
    return node;
}

}  // namespace

PatternTree read_pattern(std::string_view text, bool fold)
{
    return PatternReader{text, fold}.read();
}

}  // namespace policy::recipe
