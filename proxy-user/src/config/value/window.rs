//! Windows of time: `Mon-Fri 07:30-18:00 Europe/Prague`.

use jiff::tz::TimeZone;

use crate::core::keep_awake::{Days, Window};
use crate::toml_file::{Fixed, Kind, ValueError, nearest, quote};

pub(in super::super) const WINDOW: Fixed<Window> = Kind {
    wants: "a window of time",
    example: "\"Mon-Fri 07:30-18:00 Europe/Prague\"",
    parse: window,
};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const FORM: &str = "write days, times and a time zone, such as \"Mon-Fri 07:30-18:00 Europe/Prague\" or \
                    \"22:00-06:00 UTC\"";

fn window(text: &str) -> Result<Window, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, times, zone) = match words[..] {
        [days, times, zone] => (days, times, zone),
        [times, zone] if times.contains(':') => ("daily", times, zone),
        [_, times] | [times] if times.contains(':') => {
            return Err(wrong("has no time zone", "add one, such as Europe/Prague or UTC"));
        }
        _ => return Err(wrong("is no window of time", FORM)),
    };
    let (opens, closes) = times.split_once('-').ok_or_else(|| wrong("has no end", FORM))?;
    let (Some(opens), Some(closes)) = (minutes(opens), minutes(closes)) else {
        return Err(wrong(
            "has no valid times",
            "write them from 00:00 to 24:00, such as 07:30-18:00",
        ));
    };
    if opens == 1440 || closes == 0 {
        return Err(wrong(
            "opens at 24:00 or closes at 00:00",
            "write 00:00-… for midnight at the start of a day, …-24:00 for its end",
        ));
    }
    if opens == closes {
        return Err(wrong("closes when it opens", "write 00:00-24:00 for the whole day"));
    }
    let days = if days.eq_ignore_ascii_case("daily") { Days::ALL } else { self::days(days)? };
    let zone = TimeZone::get(zone).map_err(|_| {
        wrong(
            "has no known time zone",
            "write a name of the IANA database, such as Europe/Prague or UTC",
        )
    })?;
    Ok(Window { days, opens, closes, zone })
}

/// Minutes since midnight, 0 to 1440.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, digits: &[usize], most: u16| {
        let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| plain && *number <= most)
    };
    let total = number(hours, &[1, 2], 24)? * 60 + number(minutes, &[2], 59)?;
    Some(total).filter(|total| *total <= 1440)
}

/// `Mon-Fri`, `Mon,Wed,Fri`, or both together.
fn days(text: &str) -> Result<Days, ValueError> {
    let mut days = Days::default();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (day(first)?, self::day(last)?);
        days.insert(day);
        while day != last {
            day = (day + 1) % 7;
            days.insert(day);
        }
    }
    Ok(days)
}

/// Monday is 0.
fn day(text: &str) -> Result<u8, ValueError> {
    let found = (0_u8..).zip(DAYS).find(|(_, name)| name.eq_ignore_ascii_case(text));
    found.map(|(day, _)| day).ok_or_else(|| {
        let fix = match nearest(text, &DAYS) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("write {} or daily", DAYS.join(", ")),
        };
        ValueError::new(format!("{} is no day of the week", quote(text)), fix)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(days: &[u8]) -> Days {
        let mut set = Days::default();
        days.iter().for_each(|day| set.insert(*day));
        set
    }

    #[test]
    fn windows_are_read() {
        for (text, days, opens, closes) in [
            ("Mon-Fri 07:30-18:00 Europe/Prague", &[0, 1, 2, 3, 4][..], 450, 1080),
            ("mon,WED,Fri 7:30-18:00 Europe/Prague", &[0, 2, 4], 450, 1080),
            ("Fri-Mon,Wed 22:00-06:00 UTC", &[4, 5, 6, 0, 2], 1320, 360),
            ("Sun-Sun 00:00-24:00 America/New_York", &[6], 0, 1440),
            ("daily 12:00-13:00 UTC", &[0, 1, 2, 3, 4, 5, 6], 720, 780),
            ("12:00-13:00 Etc/UTC", &[0, 1, 2, 3, 4, 5, 6], 720, 780),
        ] {
            let window = window(text).unwrap();
            assert_eq!(
                (window.days, window.opens, window.closes),
                (set(days), opens, closes),
                "{text}"
            );
        }
        assert_eq!(
            window("1:00-2:00 Europe/Prague").unwrap().zone.iana_name(),
            Some("Europe/Prague")
        );
    }

    #[test]
    fn what_is_no_window_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "no window"),
            ("always", "no window"),
            ("Mon 1:00-2:00 UTC x", "no window"),
            ("Mon-Fri 07:30-18:00", "time zone"),
            ("07:30-18:00", "time zone"),
            ("07:30-18:00 Europe/Praha", "time zone"),
            ("07:30-18:00 ../../etc/passwd", "time zone"),
            ("07:30 UTC", "no end"),
            ("07:30-25:00 UTC", "times"),
            ("24:30-08:00 UTC", "times"),
            ("07:3-18:00 UTC", "times"),
            ("+7:30-18:00 UTC", "times"),
            ("24:00-08:00 UTC", "24:00"),
            ("08:00-00:00 UTC", "00:00"),
            ("08:00-08:00 UTC", "when it opens"),
            ("Mo-Fri 08:00-09:00 UTC", "no day"),
            ("Mon, 08:00-09:00 UTC", "no day"),
        ] {
            let error = window(text).unwrap_err();
            assert!(error.why.contains(why), "{text}: {error}");
        }
    }
}
