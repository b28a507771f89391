// The header as sendmail keeps it while filters change it, one after the
// other.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "milters/milter/session.h"

namespace milters::chain {

/// Gives several milters in one process the view of the header that each
/// would have as a filter of its own, and says their edits to the MTA as if
/// one milter made them all.
///
/// sendmail keeps one list: its own fields first (Return-Path, Received, and
/// those it adds where they are missing), then the message's.  A field that a
/// filter deletes stays in the list without a value.  The n-th field of a
/// name, as a filter counts, includes those deleted by itself, but not those
/// deleted by filters before it: these may come back to life in their place
/// when it adds one of that name.  Here all filters are one to the MTA, which
/// therefore counts differently: indices are translated.
/// Source: milter_headers(), milter_addheader(), milter_changeheader() in
/// sendmail/milter.c; addheader() and insheader() in sendmail/headers.c.
///
/// Postfix forgets a deleted field at once, puts added ones at the end, and
/// shows its own like any other.
///
/// For one message, and one thread at a time.
class HeaderList {
public:
    enum class Mta { sendmail, postfix };

    explicit HeaderList(Mta kind = Mta::sendmail);

    /// A field as it comes from the MTA.
    void append(std::string_view name, std::string_view value);

    /// The next milter is given the header: fields deleted before are not
    /// counted any more.
    void begin_view();
    /// What that milter sees, in order.
    void for_each(
        const std::function<void(const std::string& name,
                                 const std::string& value)>& show) const;

    /// These mean what they mean in milter::Context, for the milter whose
    /// view it is.  @return what the MTA says; false: nothing has changed
    bool add(milter::Context& mta, const std::string& name,
             const std::string& value);
    bool insert(milter::Context& mta, int index, const std::string& name,
                const std::string& value);
    bool change(milter::Context& mta, const std::string& name, int index,
                const std::string* value);

private:
    struct Field {
        std::string name;
        std::optional<std::string> value;  ///< none: deleted, or not shown
        bool counted = false;   ///< by the MTA, when it looks for the n-th
        bool seen = false;      ///< the same, were the milters filters
        bool replaced = false;  ///< the MTA's only; another stands for it
    };
    using Place = std::list<Field>::iterator;

    /// The n-th of that name as the present milter counts, or the MTA's own;
    /// end() if there is none.
    Place find(const std::string& name, int index);
    /// The first of that name which is not one of the message's; end() if
    /// there is none.
    Place spare(const std::string& name);
    /// How the MTA calls a field; one past the last if it does not count it.
    int index_of(const std::string& name, Place field);
    /// Above the first of that name, else at the end; with Postfix, there.
    void put(const std::string& name, const std::string& value);

    /// An empty field right behind one that was deleted, in its stead.
    bool put_behind(milter::Context& mta, Place field);

    Mta kind_;
    std::list<Field> fields_;
};

}  // namespace milters::chain
