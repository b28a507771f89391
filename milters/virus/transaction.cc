#include "milters/virus/transaction.h"

namespace milters::virus {

std::string bare(std::string_view address)
{
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>')
        address = address.substr(1, address.size() - 2);
    return std::string{address};
}

Transaction::Transaction(const policy::config::Virus& virus,
                         milter::Origin origin)
    : milter::Origin{std::move(origin)},
      from{bare(sender), client, auth_user},
      message{virus.cache_by_body ? HashOf::body : HashOf::full,
              virus.max_message}
{
}

void Transaction::complain(const Runtime& runtime,
                           const std::string& what) const
{
    runtime.lasting->log->line(policy::Log::Level::error, id(),
                               "virus: " + policy::printable(what));
}

}  // namespace milters::virus
