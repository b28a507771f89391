// The third part of Pool: which set of signatures is loaded, and when.
#include "milters/scanner/pool.h"

namespace milters::scanner {

using policy::Errc;

/// The files of the database; or, where these are missing or were refused,
/// those that served before.  Null where nothing can be held: the scanner then
/// loads the database itself, and says what is wrong with it.
SetPtr Pool::set_to_load(bool& went_back)
{
    if (options_.database.empty())
        return nullptr;
    auto taken = HeldSet::take(options_.database, options_.temp_base);
    const bool bad = !taken || taken->state().fingerprint == refused_;
    if (bad && good_ && good_->unchanged()) {
        say(true, "the signatures that served before are loaded again");
        went_back = true;
        return good_;
    }
    return taken ? std::make_shared<const HeldSet>(std::move(*taken)) : nullptr;
}

/// Two sets at once must fit into memory.  REQUIRES mutex_.
bool Pool::room_beside() const
{
    return !current_ || policy::scan::available_memory() >
                            current_->memory + current_->memory / 4;
}

/// Whether it has stayed as it is for a while; freshclam replaces several
/// files one after the other.
bool Pool::is_settled(const policy::scan::DatabaseState& state)
{
    if (!changing_ || *changing_ != state) {
        changing_ = state;
        changed_at_ = Steady::now();
    }
    if (Steady::now() - changed_at_ >= options_.settle)
        return true;
    next_look_ = Steady::now() + options_.settle;
    return false;
}

/// Says so once.  REQUIRES mutex_.
void Pool::keep_old(const std::string& why)
{
    if (last_error_ == why)
        return;
    last_error_ = why;
    say(true, why + "; the old signatures stay");
}

/// No set where one should be; not worth a word while it is being replaced.
/// REQUIRES mutex_.
void Pool::missing(const policy::Error& error)
{
    if (!missing_ && !reload_asked_)
        next_look_ = Steady::now() + options_.settle;
    else
        keep_old(error.text);
    missing_ = true;
    reload_asked_ = false;
}

void Pool::look_at_database()
{
    std::unique_lock lock{mutex_};
    if (next_ || !current_)
        return;
    const bool due = options_.watch.count() > 0 && !options_.database.empty() &&
                     Steady::now() >= next_look_;
    if (!reload_asked_ && !due)
        return;
    next_look_ = Steady::now() + options_.watch;
    const auto state = policy::scan::look_at_database(options_.database);
    if (!state)
        return missing(state.error());
    missing_ = false;
    if (reload_asked_)
        refused_.clear();
    else if (state->fingerprint == current_->fingerprint)
        return last_error_.clear();  // what was missing or wrong is back
    else if (state->fingerprint == refused_ || !is_settled(*state))
        return;
    reload_asked_ = false;
    changing_.reset();
    if (options_.serial)
        retire_current();
    else if (!room_beside())
        return keep_old(
            "no memory to load the new signatures beside the old ones; see "
            "virus.reload");
    lock.unlock();
    start_next();
}

}  // namespace milters::scanner
