// The owner of yaml-cpp: walks the document and asks the table of keys.
#include <yaml-cpp/yaml.h>

#include <set>

#include "policy/config/values.h"

namespace policy::config {
namespace {

/// Deeper nesting than any setting has is not looked at.
constexpr int max_depth = 16;

class Reader {
public:
    Reader(Values& values, std::string file, Problems& problems)
        : values_{values}, file_{std::move(file)}, problems_{problems}
    {
    }

    void section(const YAML::Node& node, const std::string& prefix, int depth)
    {
        if (node.IsNull())
            return;
        if (!node.IsMap() || depth > max_depth)
            return complain(node, (prefix.empty() ? "the file" : prefix) +
                                      ": a section (key: value) is wanted");
        std::set<std::string> seen;
        for (const auto& pair : node) {
            if (!pair.first.IsScalar()) {
                complain(pair.first, "a key must be a word");
                continue;
            }
            const auto word = pair.first.Scalar();
            const auto name = prefix.empty() ? word : prefix + "." + word;
            if (!seen.insert(word).second)
                complain(pair.first, name + " is set twice");
            else
                setting(pair.first, pair.second, name, depth);
        }
    }

private:
    void setting(const YAML::Node& word, const YAML::Node& node,
                 const std::string& name, int depth)
    {
        const auto generic = generic_name(name);
        if (const Key* key = find_key(generic))
            value(*key, word, node, name);
        else if (is_section(generic))
            section(node, name, depth + 1);
        else if (is_sequence(generic))
            sequence(node, name, depth + 1);
        else
            complain(word, "unknown setting " + name);
    }

    void sequence(const YAML::Node& node, const std::string& name, int depth)
    {
        if (node.IsNull())
            return;
        if (!node.IsSequence())
            return complain(node, name + ": a list is wanted");
        std::size_t n = 0;
        for (const auto& item : node)
            section(item, name + "[" + std::to_string(n++) + "]", depth);
    }

    void value(const Key& key, const YAML::Node& word, const YAML::Node& node,
               const std::string& name)
    {
        const bool list = key.type == Type::list || key.type == Type::networks;
        if (node.IsNull())
            return complain(word, name + " has no value");
        if (!node.IsScalar() && !(list && node.IsSequence()))
            return complain(node, name + (list ? ": a list is wanted"
                                               : ": one value is wanted"));
        std::vector<std::string> items;
        if (node.IsScalar())
            items.push_back(node.Scalar());
        for (const auto& item : node)
            if (node.IsSequence() && !item.IsScalar())
                return complain(item, name + ": a member is not one value");
            else if (node.IsSequence())
                items.push_back(item.Scalar());
        auto read =
            list ? parse_list(key, items) : parse_scalar(key, items.front());
        if (read)
            values_.set(name, std::move(*read), line_of(node));
        else
            complain(node, name + ": " + read.error().text);
    }

    static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

    void complain(const YAML::Node& node, const std::string& text)
    {
        problems_.push_back(file_ + ":" + std::to_string(line_of(node)) + ": " +
                            text);
    }

    Values& values_;
    std::string file_;
    Problems& problems_;
};

}  // namespace

Values parse(const std::string& text, const std::string& file,
             Problems& problems)
{
    Values values{file};
    try {
        const auto documents = YAML::LoadAll(text);
        if (documents.size() > 1)
            problems.push_back(file + ":" +
                               std::to_string(documents[1].Mark().line + 1) +
                               ": more than one document");
        else if (!documents.empty())
            Reader{values, file, problems}.section(documents.front(), "", 0);
    } catch (const YAML::Exception& e) {
        const int line = e.mark.is_null() ? 1 : e.mark.line + 1;
        problems.push_back(file + ":" + std::to_string(line) +
                           ": not YAML: " + e.msg);
    }
    return values;
}

}  // namespace policy::config
