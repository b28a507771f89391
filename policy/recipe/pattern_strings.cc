// Strings that a text must hold for a pattern to match it.
#include <algorithm>

#include "policy/recipe/pattern.h"

namespace policy::recipe {
namespace {

using Kind = PatternNode::Kind;
using Strings = std::vector<std::string>;

constexpr std::size_t most_strings = 32;

/// How much a string tells: its length, but names of header fields, which many
/// messages have, tell next to nothing.
std::size_t worth(const std::string& text)
{
    constexpr std::size_t little = 3;
    return text.size() > little && text.front() == '\n' && text.back() == ':'
               ? little
               : text.size();
}

std::size_t shortest(const Strings& all)
{
    std::size_t least = all.empty() ? 0 : worth(all[0]);
    for (const std::string& one : all)
        least = std::min(least, worth(one));
    return least;
}

void keep_better(Strings& best, Strings other)
{
    if (shortest(other) > shortest(best))
        best = std::move(other);
}

/// The byte of a set that is one letter, whatever its case, or one byte;
/// -1 for other sets.
int single_byte(const ByteSet& set)
{
    int found = -1;
    for (unsigned c = 0; c < 256; ++c) {
        if (!set[c])
            continue;
        const int folded = c >= 'A' && c <= 'Z' ? static_cast<int>(c) + 32
                                                : static_cast<int>(c);
        if (found >= 0 && found != folded)
            return -1;
        found = folded;
    }
    return found;
}

class Finder {
public:
    Strings find(const PatternNode& node)
    {
        Strings best;
        std::string run;
        walk(node, run, best);
        keep_better(best, {run});
        return best;
    }

private:
    void flush(std::string& run, Strings& best)
    {
        if (!run.empty())
            keep_better(best, {run});
        run.clear();
    }

    /// Adds `node` to the run of bytes that come one after the other.
    void walk(const PatternNode& node, std::string& run, Strings& best)
    {
        switch (node.kind) {
            case Kind::sequence:
                for (const PatternNode& child : node.children)
                    walk(child, run, best);
                break;
            case Kind::bytes:
                if (const int c = single_byte(node.set); c >= 0)
                    run.push_back(static_cast<char>(c));
                else
                    flush(run, best);
                break;
            case Kind::mark:
                break;
            case Kind::plus:
                walk(node.children[0], run, best);
                flush(run, best);
                // What was found holds, but a run must not begin inside.
                break;
            case Kind::choice:
                flush(run, best);
                keep_better(best, choice(node));
                break;
            default:
                flush(run, best);
        }
    }

    Strings choice(const PatternNode& node)
    {
        Strings all;
        for (const PatternNode& child : node.children) {
            Strings one = find(child);
            if (shortest(one) == 0 || all.size() + one.size() > most_strings)
                return {};
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    }
};

}  // namespace

std::vector<std::string> needed_strings(const PatternTree& tree,
                                        std::size_t least)
{
    if (tree.too_large)
        return {};
    Strings found = Finder{}.find(tree.root);
    return shortest(found) >= least ? found : Strings{};
}

}  // namespace policy::recipe
