#include "policy/filter/settings.h"

namespace policy::filter {

Settings settings_of(const config::Filter& filter)
{
    Settings out;
    out.null_rejects = filter.null_rejects;
    out.folder_header = filter.folder_header;
    out.quarantine_folders = filter.quarantine_folders;
    out.folder_as_recipient = filter.folder_as_recipient;
    out.user_actions = filter.user_actions;
    return out;
}

}  // namespace policy::filter
