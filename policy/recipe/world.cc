#include "policy/recipe/world.h"

namespace policy::recipe {

ProgramResult World::run_program(const std::vector<std::string>& words,
                                 std::string_view)
{
    return {127, {}, "Programs are not run here: " + words[0]};
}

Result<std::optional<std::string>> World::lookup(const std::string& map,
                                                 const std::string&, Scope)
{
    return fail(Errc::usage, "There is no map " + map);
}

bool World::seen_before(const std::string&, const std::string&, Scope)
{
    return false;
}

}  // namespace policy::recipe
