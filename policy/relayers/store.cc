#include "policy/relayers/store.h"

namespace policy::relayers {

Standing standing(const Grant& grant, Seconds now, std::chrono::seconds window)
{
    bool valid = window.count() == 0 || now - grant.login < window;
    if (grant.expires)
        valid = now < *grant.expires;
    return valid ? Standing::valid : Standing::expired;
}

}  // namespace policy::relayers
