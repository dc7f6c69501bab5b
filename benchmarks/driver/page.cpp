#include "benchmarks/driver/page.hpp"

#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace bench {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ground: #fff; --text: #1b1f24; --quiet: #5b6470; --line: #dfe3e8; --ours: #0b5fd0;
  --ours-ground: #eaf2ff; --met: #15803d; --missed: #c2261b; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --text: #e4e7eb; --quiet: #9aa3ae; --line: #30363d; --ours: #6aa9ff; --ours-ground: #17263c;
    --met: #5fd08a; --missed: #ff8a80; }
}
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin: 0.5rem 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 0.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
a { color: var(--ours); text-decoration: none; }
a:hover { text-decoration: underline; }
code { font-size: 0.9em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; font-size: 0.9rem; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
nav ul { columns: 22rem; font-size: 0.9rem; padding: 0; margin: 0; list-style: none; }
nav ul ul { columns: auto; padding-left: 1rem; margin-bottom: 0.6rem; }
.panel { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0.5rem 2rem;
  align-items: start; }
.chart { margin: 0; min-width: 0; max-width: 40rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.15rem 0.4rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 500; }
th:first-child { text-align: left; }
tbody th { color: inherit; }
.plait { background: var(--ours-ground); font-weight: 600; }
.quiet, small { color: var(--quiet); font-weight: 400; }
.met { color: var(--met); }
.missed { color: var(--missed); font-weight: 600; }
)";

class page {
 public:
  explicit page(const drawing& charts) : charts_(charts) {}

  void begin(const run_record& run) {
    put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>plait's benchmarks, {}</title>\n<style>{}{}</style>\n</head>\n<body>\n<h1>plait's benchmarks</h1>\n",
        html_escaped(run.date), style, chart_style());
    put("<dl>\n");
    put_fact("date", run.date);
    put_fact("command", run.command);
    put_fact("rounds", rounds_in_words(run));
    for (const auto& f : run.machine) put_fact(f.name, f.value);
    put("</dl>\n");
    put("<p>Figures are medians of the rounds, and the least and the most of them; plait / x is the median of "
        "plait's "
        "ratios to x within each round. Ratios of one run can be compared; times of different runs can not.");
    if (charts_.error.empty()) {
      put(" In charts a bar is the median, the thin line goes from the least to the most, the dashed line is plait's "
          "goal."
          "</p>\n");
    } else {
      put("</p>\n<p class=\"missed\">No charts: they need gnuplot (Debian package gnuplot-nox). {}</p>\n",
          html_escaped(charts_.error));
    }
  }

  void put_contents(const std::vector<section>& sections) {
    put("<nav>\n<h2>Contents</h2>\n{}<ul>\n", goals_in_words(sections));
    std::size_t nth = 0;
    for (std::size_t s = 0; s < sections.size(); ++s) {
      put("<li><a href=\"#topic{}\">{}</a>\n<ul>\n", s, html_escaped(sections[s].topic));
      for (const auto& p : sections[s].panels) {
        put("<li><a href=\"#panel{}\">{}</a>{}</li>\n", nth++, html_escaped(within_topic(sections[s], p.title)),
            marks_of(p));
      }
      put("</ul></li>\n");
    }
    put("</ul>\n</nav>\n");
  }

  void put_sections(const std::vector<section>& sections) {
    std::size_t nth = 0;
    for (std::size_t s = 0; s < sections.size(); ++s) {
      put("<section id=\"topic{}\">\n<h2>{}</h2>\n", s, html_escaped(sections[s].topic));
      for (const auto& p : sections[s].panels) put_panel(p, nth++);
      put("</section>\n");
    }
  }

  void put_failures(const std::vector<fact>& failures) {
    if (failures.empty()) return;
    put("<h2 id=\"failed\">Failed</h2>\n<ul>\n");
    for (const auto& f : failures) put("<li><code>{}</code>: {}</li>\n", html_escaped(f.name), html_escaped(f.value));
    put("</ul>\n");
  }

  std::string end() && {
    put("</body>\n</html>\n");
    return fmt::to_string(text_);
  }

 private:
  template <typename... T> void put(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<T>(values)...);
  }

  void put_fact(const std::string& name, const std::string& value) {
    put("<dt>{}</dt><dd>{}</dd>\n", html_escaped(name), html_escaped(value));
  }

  static std::string goals_in_words(const std::vector<section>& sections) {
    int met = 0;
    int missed = 0;
    for (const auto& s : sections) {
      for (const auto& p : s.panels) {
        for (const auto* c : p.parts) {
          if (const auto v = judge(*c)) ++(v->met ? met : missed);
        }
      }
    }
    if (met + missed == 0) return {};
    return fmt::format("<p>plait's goals: {} met, {} missed.</p>\n", met, missed);
  }

  static std::string marks_of(const panel& p) {
    std::string marks;
    for (const auto* c : p.parts) {
      if (const auto v = judge(*c))
        marks += v->met ? " <span class=\"met\" title=\"goal met\">✓</span>"
                        : " <span class=\"missed\" title=\"goal missed\">✗</span>";
    }
    return marks;
  }

  static std::string verdict_in_words(const comparison& c) {
    const auto v = judge(c);
    if (!v) return {};
    return fmt::format("<span class=\"{}\">goal {}: {}</span>", v->met ? "met" : "missed", html_escaped(v->goal),
                       v->met ? "met" : "missed");
  }

  void put_panel(const panel& p, std::size_t nth) {
    put("<article id=\"panel{}\">\n<h3>{} <span class=\"quiet\">[{}]</span></h3>\n<div class=\"panel\">\n", nth,
        html_escaped(p.title), html_escaped(p.unit()));
    if (nth < charts_.charts.size()) {
      put("<figure class=\"chart\" role=\"img\" aria-label=\"chart: {}\">{}</figure>\n", html_escaped(p.title),
          charts_.charts[nth]);
    }
    put("<div class=\"scroll\">\n");
    if (p.is_series()) {
      put("<table>\n");
      put_series_table(p);
    } else {
      put("{}<table>\n", verdict_in_words(*p.parts.front()));
      put_table(*p.parts.front());
    }
    put("</table></div>\n</div>\n</article>\n");
  }

  void put_table(const comparison& c) {
    put("<thead><tr><th>subject</th><th>median</th><th>min-max</th><th>plait / it</th><th>rounds</th></tr></thead>\n"
        "<tbody>\n");
    for (const auto& [subject, given] : c.answers) {
      put("<tr{}><th>{}</th><td>{}</td><td>{}-{}</td><td>{}</td><td>{}</td></tr>\n", class_of(subject),
          html_escaped(subject), shown(given.median()), shown(given.min()), shown(given.max()),
          subject == plait_name ? "" : ratio_in_words(c, given), given.rounds());
    }
    put("</tbody>\n");
  }

  // A row for each n, a column for each subject.
  void put_series_table(const panel& p) {
    const auto subjects = subjects_of(p);
    put("<thead><tr><th>{}</th>", html_escaped(p.axis()));
    for (const auto& subject : subjects) put("<th{}>{}</th>", class_of(subject), html_escaped(subject));
    put("<th>plait / limit</th></tr></thead>\n<tbody>\n");
    for (const auto* c : p.parts) {
      put("<tr><th>{}</th>", c->asked.at);
      for (const auto& subject : subjects) {
        const auto* given = c->of(subject);
        put("<td{}>", class_of(subject));
        if (given != nullptr)
          put("{}<br><small>{}-{}</small>", shown(given->median()), shown(given->min()), shown(given->max()));
        put("</td>");
      }
      const auto* limit = c->of(limit_name);
      const auto remark = verdict_in_words(*c);
      put("<td>{}{}{}</td></tr>\n", limit != nullptr ? ratio_in_words(*c, *limit) : "", remark.empty() ? "" : "<br>",
          remark);
    }
    put("</tbody>\n");
  }

  static std::string_view class_of(const std::string& subject) {
    return subject == plait_name ? " class=\"plait\"" : "";
  }

  static std::string ratio_in_words(const comparison& c, const answer& other) {
    const auto* plait = c.of(plait_name);
    const auto ratio = plait != nullptr ? plait->ratio_to(other) : std::nullopt;
    return ratio ? fmt::format("{:.2f}", *ratio) : "";
  }

  const drawing& charts_;
  fmt::memory_buffer text_;
};

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string html_page(const run_record& run, const std::vector<section>& sections, const drawing& charts) {
  page whole(charts);
  whole.begin(run);
  whole.put_contents(sections);
  whole.put_sections(sections);
  whole.put_failures(run.failures);
  return std::move(whole).end();
}

}  // namespace bench
