#include "policy/relayers/journal.h"

#include <fcntl.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

namespace policy::relayers {
namespace {

constexpr mode_t journal_mode = 0640;

std::uint32_t sum_of(std::string_view text)
{
    std::uint32_t sum = 2166136261U;
    for (const char c : text)
        sum = (sum ^ static_cast<unsigned char>(c)) * 16777619U;
    return sum;
}

std::optional<map::Change> parse_line(std::string_view line)
{
    const auto tab = line.rfind('\t');
    if (tab == line.npos)
        return std::nullopt;
    const auto text = line.substr(0, tab);
    const auto digits = line.substr(tab + 1);
    std::uint32_t sum = 0;
    const auto [end, ec] =
        std::from_chars(digits.data(), digits.data() + digits.size(), sum, 16);
    if (ec != std::errc{} || end != digits.data() + digits.size() ||
        digits.size() != 8 || sum != sum_of(text))
        return std::nullopt;
    const auto middle = text.find('\t', 2);
    if (text.size() < 3 || text[1] != '\t' || middle == text.npos)
        return std::nullopt;
    map::Change change{std::string{text.substr(2, middle - 2)}, std::nullopt};
    if (text[0] == 'A')
        change.value = text.substr(middle + 1);
    else if (text[0] != 'D')
        return std::nullopt;
    return change;
}

}  // namespace

std::string journal_line(const map::Change& change)
{
    std::string line = change.value ? "A\t" : "D\t";
    line += change.key;
    line += '\t';
    line += change.value.value_or("");
    std::array<char, 16> sum{};
    std::snprintf(sum.data(), sum.size(), "\t%08x\n", sum_of(line));
    return line += sum.data();
}

std::vector<map::Change> parse_journal(std::string_view text,
                                       std::uint64_t& skipped)
{
    std::vector<map::Change> changes;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto change =
            end == text.npos ? std::nullopt : parse_line(text.substr(0, end));
        if (change)
            changes.push_back(std::move(*change));
        else if (end != 0)
            ++skipped;
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return changes;
}

Journal::Journal(std::string directory, bool sync, std::shared_ptr<Files> files)
    : directory_{std::move(directory)},
      path_{directory_ + "/relayers.log"},
      old_path_{directory_ + "/relayers.old"},
      sync_{sync},
      files_{std::move(files)}
{
}

Result<Journal> Journal::open(const std::string& directory, bool sync,
                              std::shared_ptr<Files> files)
{
    Journal journal{directory, sync, std::move(files)};
    if (auto opened = journal.open_file(); !opened)
        return fail(opened.error());
    const auto old = journal.files_->stat(journal.old_path_);
    if (!old && old.error().code != Errc::gone)
        return fail(old.error());
    journal.has_old_ = old.has_value();
    return journal;
}

Status Journal::open_file()
{
    auto file =
        files_->open(path_, O_WRONLY | O_APPEND | O_CREAT, journal_mode);
    if (!file)
        return fail(file.error());
    file_ = std::move(*file);
    torn_ = true;  // whatever a predecessor left, a new line begins
    return sync_ ? files_->sync_directory(directory_) : Status{};
}

Result<std::string> Journal::text_of(const std::string& path)
{
    auto reading = files_->read(path, std::chrono::milliseconds{0});
    if (!reading && reading.error().code == Errc::gone)
        return std::string{};
    if (!reading)
        return fail(reading.error());
    return std::move(reading->octets);
}

Result<Journal::Left> Journal::replay()
{
    const auto old = text_of(old_path_);
    if (!old)
        return fail(old.error());
    const auto fresh = text_of(path_);
    if (!fresh)
        return fail(fresh.error());
    Left left;
    left.old = parse_journal(*old, left.skipped);
    left.fresh = parse_journal(*fresh, left.skipped);
    return left;
}

Status Journal::append(std::string_view lines)
{
    Status done;
    if (torn_)
        done = files_->append(file_, "\n" + std::string{lines}, path_);
    else
        done = files_->append(file_, lines, path_);
    torn_ = !done.has_value();
    if (done && sync_)
        done = files_->sync(file_, path_);
    return done;
}

Status Journal::rotate()
{
    const std::string next = path_ + ".new";
    auto file = files_->open(next, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC,
                             journal_mode);
    if (!file)
        return fail(file.error());
    if (!is_old_)
        if (auto renamed = files_->rename(path_, old_path_); !renamed)
            return renamed;
    is_old_ = true;
    if (auto renamed = files_->rename(next, path_); !renamed)
        return renamed;
    file_ = std::move(*file);
    is_old_ = torn_ = false;
    has_old_ = true;
    return sync_ ? files_->sync_directory(directory_) : Status{};
}

Status Journal::drop_old()
{
    auto removed = files_->remove(old_path_);
    if (removed)
        has_old_ = false;
    return removed;
}

Status Journal::drop_all()
{
    if (auto dropped = drop_old(); !dropped)
        return dropped;
    return files_->remove(path_);
}

}  // namespace policy::relayers
