#include "cli/view/progress.hpp"

#include "base/pause.hpp"
#include "base/text.hpp"
#include "cli/view/event_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::cli {

namespace {

constexpr std::chrono::milliseconds kFrameTime{100};
constexpr std::size_t kMostLines = 12;

std::string bar(double part, unsigned cells) {
  const auto full = static_cast<unsigned>(std::clamp(part, 0.0, 1.0) * cells);
  return "[" + std::string(full, '=') + (full < cells ? ">" : "") +
         std::string(cells - std::min(cells, full + 1), ' ') + "]";
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string fit(std::string line, unsigned width) {
  if (line.size() >= width) line.resize(width > 1 ? width - 1 : 0);
  return line;
}

std::string brief(const std::string& digest) {
  const auto colon = digest.find(':');
  return digest.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

}  // namespace

std::vector<std::string> draw(const Frame& frame, unsigned width, std::size_t height) {
  std::vector<std::string> lines;
  if (height == 0) return lines;
  if (frame.blobs.empty() && frame.total_bytes == 0) return lines;  // the cluster does it all: "0 B" would tell nothing
  const unsigned cells = width > 70 ? 24 : 10;
  const std::size_t room = height - 1;
  for (const auto& blob : frame.blobs) {
    if (lines.size() >= room) break;
    lines.push_back(
        fit(fmt::format("  {} {} {:>10} / {:<10} {}", brief(blob.digest),
                        bar(share(blob.moved_bytes, blob.size_bytes), cells), text::human_bytes(blob.moved_bytes),
                        text::human_bytes(blob.size_bytes), blob.target),
            width));
  }
  std::string left = "";
  if (frame.bytes_per_second > 1 && frame.total_bytes > frame.moved_bytes) {
    left = ", " +
           text::human_seconds(static_cast<double>(frame.total_bytes - frame.moved_bytes) / frame.bytes_per_second) +
           " left";
  }
  const auto hidden = frame.blobs.size() > lines.size()
                          ? fmt::format(", {} more blobs", frame.blobs.size() - lines.size())
                          : std::string();
  lines.push_back(
      fit(fmt::format("  total {:3.0f}%  {} / {}  {}/s{}{}", 100 * share(frame.moved_bytes, frame.total_bytes),
                      text::human_bytes(frame.moved_bytes), text::human_bytes(frame.total_bytes),
                      text::human_bytes(static_cast<unsigned long long>(frame.bytes_per_second)), left, hidden),
          width));
  return lines;
}

std::string still_text(std::chrono::seconds elapsed, std::uint64_t moved_bytes, std::uint64_t total_bytes,
                       const std::string& last_line) {
  auto out = text::human_seconds(static_cast<double>(elapsed.count()));
  if (moved_bytes < total_bytes)
    out += fmt::format("  {} of {}", text::human_bytes(moved_bytes), text::human_bytes(total_bytes));
  return last_line.empty() ? out : out + "  " + last_line;
}

ProgressView::ProgressView(Console& console, ProgressMode mode, std::chrono::milliseconds silence)
    : console_(console), style_(Style::none), silence_(silence) {
  if (mode == ProgressMode::plain) style_ = Style::plain;
  if (mode == ProgressMode::automatic) style_ = console.can_redraw() ? Style::live : Style::plain;
  if (style_ == Style::live) painter_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  if (style_ == Style::plain) painter_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

ProgressView::~ProgressView() {
  if (painter_.joinable()) {
    painter_.request_stop();
    painter_.join();
  }
  clear();
}

void ProgressView::loop(const std::stop_token& stop) {
  while (pause_for(kFrameTime, stop)) {
    state_.with([&](State& s) {
      if (!s.blobs.empty() || !s.messages.empty()) redraw(s, false);
    });
  }
}

// Nothing is said of a command that has not told anything yet: it looks, and is done soon.
void ProgressView::watch(const std::stop_token& stop) {
  while (pause_for(silence_ / 5, stop)) {
    state_.with([&](State& s) {
      const auto now = std::chrono::steady_clock::now();
      if (s.spoke.time_since_epoch().count() == 0 || now - s.spoke < silence_) return;
      s.spoke = now;
      const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(now - begun_);
      console_.err("... " + still_text(elapsed, s.moved_bytes, s.total_bytes, s.last_line) + "\n");
    });
  }
}

void ProgressView::say(const std::string& line) {
  state_.with([&](State& s) {
    s.last_line = line;
    s.spoke = std::chrono::steady_clock::now();
    console_.err(line + "\n");
  });
}

void ProgressView::clear() {
  if (style_ == Style::live) state_.with([&](State& s) { redraw(s, true); });
}

// Goes back up over the last frame, prints what is to stay, then the new frame (or nothing, at the end).
void ProgressView::redraw(State& state, bool final_frame) {
  std::string text;
  const auto above = state.drawn_lines;
  for (const auto& message : state.messages) text += message + "\n";
  state.messages.clear();
  state.drawn_lines = 0;
  if (!final_frame) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - state.started;
    const Frame frame{
        .blobs = state.blobs,
        .total_bytes = state.total_bytes,
        .moved_bytes = state.moved_bytes,
        .bytes_per_second = elapsed.count() > 0.3 ? static_cast<double>(state.moved_bytes) / elapsed.count() : 0};
    const auto lines = draw(frame, console_.width(), kMostLines);
    for (const auto& line : lines) text += line + "\n";
    state.drawn_lines = lines.size();
  }
  if (above > 0 || !text.empty()) console_.redraw(above, text);
}

void ProgressView::emit(const copy::Event& event) {
  switch (style_) {
    case Style::live:
      emit_live(event);
      break;
    case Style::plain:
      emit_plain(event);
      break;
    case Style::none:
      break;
  }
}

void ProgressView::recorded(const promotion::RecordedStep& step) {
  std::string line;
  if (step.state) {
    line = std::string(to_string(*step.state)) + (step.target.empty() ? "" : " " + step.target);
  } else if (step.entry.step == records::Step::undone) {
    const auto words = put_back_words(step);
    line = words.where + " " + words.detail;
  }
  if (line.empty() || style_ == Style::none) return;
  if (style_ == Style::plain) return say(line);
  state_.with([&](State& s) { s.messages.push_back("  " + line); });
}

// What moved, for both ways of showing it.
void ProgressView::count(State& s, const copy::Event& event) {
  using copy::EventKind;
  const auto found = std::find_if(s.blobs.begin(), s.blobs.end(), [&](const BlobLine& blob) {
    return blob.digest == event.digest && blob.target == event.target;
  });
  const bool known = found != s.blobs.end();
  if (event.kind == EventKind::total) s.total_bytes += event.bytes;
  if (event.kind == EventKind::blob_started) {
    if (s.started.time_since_epoch().count() == 0) s.started = std::chrono::steady_clock::now();
    s.blobs.push_back({event.digest, event.target, event.bytes, 0});
  }
  if (event.kind == EventKind::blob_progress) {
    if (known) found->moved_bytes += event.bytes;
    s.moved_bytes += event.bytes;
  }
  if (event.kind == EventKind::blob_retried && known) s.moved_bytes -= std::exchange(found->moved_bytes, 0);
  if (event.kind == EventKind::blob_done && known) s.blobs.erase(found);
}

void ProgressView::emit_live(const copy::Event& event) {
  using copy::EventKind;
  state_.with([&](State& s) {
    count(s, event);
    switch (event.kind) {
      case EventKind::blob_retried:
        s.messages.push_back("  " + brief(event.digest) + " begins again: " + event.detail);
        break;
      case EventKind::wait:
      case EventKind::note:
        s.messages.push_back("  " + event.detail);
        break;
      case EventKind::put_back:
      case EventKind::rollout:
        s.messages.push_back("  " + event.target + " " + event.detail);
        break;
      case EventKind::total:
      case EventKind::blob_started:
      case EventKind::blob_progress:
      case EventKind::blob_done:
      case EventKind::blob_resumed:
      case EventKind::road:  // the plan or the result tells it
      case EventKind::manifest:
      case EventKind::attachment:
      case EventKind::tag:
        break;
    }
  });
}

void ProgressView::emit_plain(const copy::Event& event) {
  using copy::EventKind;
  state_.with([&](State& s) { count(s, event); });
  switch (event.kind) {
    case EventKind::blob_done:
      if (event.detail == "moved")
        say(fmt::format("{} {} {}", brief(event.digest), event.detail, text::human_bytes(event.bytes)));
      break;
    case EventKind::blob_retried:
      say(fmt::format("{} begins again: {}", brief(event.digest), event.detail));
      break;
    case EventKind::tag:
      say(fmt::format("{} is {}", event.target, brief(event.digest)));
      break;
    case EventKind::attachment:
      say(fmt::format("{} {} is attached", event.detail, brief(event.digest)));
      break;
    case EventKind::wait:
    case EventKind::note:
      say(event.detail);
      break;
    case EventKind::put_back:
    case EventKind::rollout:
      say(event.target + " " + event.detail);
      break;
    case EventKind::blob_resumed:
    case EventKind::road:
    case EventKind::total:
    case EventKind::blob_started:
    case EventKind::blob_progress:
    case EventKind::manifest:
      break;
  }
}

}  // namespace sluice::cli
