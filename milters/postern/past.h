// What was decided about a mail that is gone, from the decision log.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "milters/postern/show.h"

namespace milters::postern {

/// The dialogues of the message that the MTA or Postern calls `id`, one for
/// each recipient in the order of the log; one without recipient if there was
/// none.  What was decided about the connection, the sender and the whole
/// message stands in each.  Empty if the log has nothing about it.
///
/// Lines that are no decisions are skipped: a log may end in half a line.
/// Source: policy/log_json.h.
std::vector<Answer> past_answers(std::istream& log, std::string_view id);

}  // namespace milters::postern
