#include <algorithm>

#include "policy/recipe/limits.h"
#include "policy/recipe/pattern.h"

namespace policy::recipe {
namespace {

using Kind = PatternNode::Kind;
using Op = Instruction::Op;

/// Thompson's construction.
class Compiler {
public:
    explicit Compiler(PatternProgram& program) : program_{program} {}

    void emit(const PatternNode& node, bool last)
    {
        if (program_.code.size() >= limits::pattern_size) {
            program_.too_large = true;
            return;
        }
        switch (node.kind) {
            case Kind::bytes:
                program_.sets.push_back(node.set);
                add(Op::bytes,
                    static_cast<std::uint32_t>(program_.sets.size() - 1));
                break;
            case Kind::sequence:
                for (const PatternNode& child : node.children)
                    emit(child, last && &child == &node.children.back());
                break;
            case Kind::choice:
                choice(node, last);
                break;
            case Kind::star:
            case Kind::plus:
            case Kind::optional:
                repeat(node, last);
                break;
            case Kind::anchor:
                add(last ? Op::finish : Op::begin);
                break;
            case Kind::mark:
                add(Op::mark);
                break;
        }
    }

    std::uint32_t add(Op op, std::uint32_t a = 0)
    {
        program_.code.push_back({op, a, 0});
        return here() - 1;
    }

private:
    std::uint32_t here() const
    {
        return static_cast<std::uint32_t>(program_.code.size());
    }

    void choice(const PatternNode& node, bool last)
    {
        std::vector<std::uint32_t> jumps;
        for (const PatternNode& child : node.children) {
            if (&child == &node.children.back()) {
                emit(child, last);
                break;
            }
            const std::uint32_t split = add(Op::split);
            program_.code[split].a = here();
            emit(child, last);
            jumps.push_back(add(Op::jump));
            program_.code[split].b = here();
        }
        for (const std::uint32_t jump : jumps)
            program_.code[jump].a = here();
    }

    void repeat(const PatternNode& node, bool last)
    {
        const PatternNode& child = node.children[0];
        if (node.kind == Kind::plus) {
            const std::uint32_t start = here();
            emit(child, false);
            const std::uint32_t split = add(Op::split);
            program_.code[split].a = start;
            program_.code[split].b = here();
            return;
        }
        const std::uint32_t split = add(Op::split);
        program_.code[split].a = here();
        emit(child, last && node.kind == Kind::optional);
        if (node.kind == Kind::star)
            program_.code[add(Op::jump)].a = split;
        program_.code[split].b = here();
    }

    PatternProgram& program_;
};

/// Which bytes can come first, and what is reached before any.
void find_first(PatternProgram& program)
{
    std::vector<bool> seen(program.code.size());
    std::vector<std::uint32_t> todo{0};
    while (!todo.empty()) {
        const std::uint32_t at = todo.back();
        todo.pop_back();
        if (seen[at])
            continue;
        seen[at] = true;
        const Instruction& in = program.code[at];
        switch (in.op) {
            case Op::bytes:
                program.first |= program.sets[in.a];
                break;
            case Op::split:
                todo.push_back(in.a);
                todo.push_back(in.b);
                break;
            case Op::jump:
                todo.push_back(in.a);
                break;
            case Op::mark:
                todo.push_back(at + 1);
                break;
            case Op::begin:
                break;  // only at the first newline, which is never skipped
            default:
                program.eager = true;
        }
    }
}

constexpr char hex[] = "0123456789abcdef";

void write_byte(std::string& out, unsigned c)
{
    out += "\\x";
    out += hex[c >> 4];
    out += hex[c & 15];
}

void write_set(std::string& out, const ByteSet& set)
{
    if (set.none()) {
        out += "[^\\x00-\\xff]";
        return;
    }
    out += '[';
    for (unsigned from = 0; from < 256; ++from) {
        if (!set[from])
            continue;
        unsigned to = from;
        while (to + 1 < 256 && set[to + 1])
            ++to;
        write_byte(out, from);
        if (to > from) {
            out += '-';
            write_byte(out, to);
        }
        from = to;
    }
    out += ']';
}

void write_re2(std::string& out, const PatternNode& node, bool last)
{
    switch (node.kind) {
        case Kind::bytes:
            write_set(out, node.set);
            break;
        case Kind::sequence:
            for (const PatternNode& child : node.children)
                write_re2(out, child, last && &child == &node.children.back());
            break;
        case Kind::choice:
            out += "(?:";
            for (const PatternNode& child : node.children) {
                if (&child != &node.children.front())
                    out += '|';
                write_re2(out, child, last);
            }
            out += ')';
            break;
        case Kind::star:
        case Kind::plus:
        case Kind::optional:
            out += "(?:";
            write_re2(out, node.children[0],
                      last && node.kind == Kind::optional);
            out += node.kind == Kind::star   ? ")*"
                   : node.kind == Kind::plus ? ")+"
                                             : ")?";
            break;
        case Kind::anchor:
            out += last ? "(?:\\n\\z|\\A\\n)" : "\\A\\n";
            break;
        case Kind::mark:
            break;
    }
}

}  // namespace

PatternProgram compile_pattern(const PatternTree& tree)
{
    PatternProgram program;
    program.too_large = tree.too_large;
    Compiler compiler{program};
    if (!program.too_large)
        compiler.emit(tree.root, true);
    compiler.add(Op::match);
    if (!program.too_large)
        find_first(program);
    return program;
}

std::string to_re2(const PatternTree& tree)
{
    std::string out;
    write_re2(out, tree.root, true);
    return out;
}

}  // namespace policy::recipe
