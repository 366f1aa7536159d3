//! The Prometheus text format, read into a map: enough of it to check names, labels and values.

use std::collections::BTreeMap;

/// One sample: its name, its labels and its value.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub samples: Vec<Sample>,
    /// Name → type, from the `# TYPE` lines.
    pub types: BTreeMap<String, String>,
    /// Name → text, from the `# HELP` lines.
    pub help: BTreeMap<String, String>,
}

impl Metrics {
    pub fn parse(text: &str) -> Metrics {
        let mut metrics = Metrics::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (kind, name) = (words.next().unwrap(), words.next().unwrap_or_default());
                let rest = words.next().unwrap_or_default().to_owned();
                match kind {
                    "TYPE" => drop(metrics.types.insert(name.to_owned(), rest)),
                    "HELP" => drop(metrics.help.insert(name.to_owned(), rest)),
                    _ => {}
                }
            } else {
                metrics.samples.push(sample(line));
            }
        }
        metrics
    }

    /// The sum of all samples of `name` that carry all of these labels; 0 when there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let carries = |s: &&Sample| {
            labels.iter().all(|(k, v)| s.labels.get(*k).is_some_and(|found| found == v))
        };
        let same = self.samples.iter().filter(|s| s.name == name).filter(carries);
        same.fold(0.0, |sum, sample| sum + sample.value)
    }

    /// A counter as a whole number.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.sum(name, labels);
        assert!(sum >= 0.0 && sum.fract() == 0.0, "{name} is not a count: {sum}");
        format!("{sum:.0}").parse().unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line:?}"));
    let value = value.parse().unwrap_or_else(|_| panic!("not a number: {line:?}"));
    let Some((name, labels)) = series.split_once('{') else {
        return Sample { name: series.to_owned(), labels: BTreeMap::new(), value };
    };
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("unclosed labels: {line:?}"));
    Sample { name: name.to_owned(), labels: pairs(labels), value }
}

/// `a="x",b="y\"z"`: a quote inside a value is escaped by a backslash.
fn pairs(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").unwrap_or_else(|| panic!("labels {text:?}"));
        let (mut value, mut escaped, mut end) = (String::new(), false, None);
        for (at, c) in rest.char_indices() {
            match c {
                _ if escaped => {
                    value.push(if c == 'n' { '\n' } else { c });
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => value.push(c),
            }
        }
        labels.insert(name.trim().to_owned(), value);
        text = rest[end.expect("unclosed label value") + 1..].trim_start_matches(',');
    }
    labels
}
