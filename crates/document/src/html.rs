//! A document as one HTML page: no script, nothing loaded, pictures inline. Whatever somebody typed is text.

use std::fmt::Write;

use crate::{
    model::{Block, Document, Fact, Generation, Section, Table},
    style::STYLE,
    value::{Value, minute, said},
};

/// The document as an HTML file.
pub fn page(document: &Document, generation: &Generation) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let title = escape(&document.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"generator\" content=\"Sovereign GRC {}\"><title>{title}</title><style>{STYLE}</style></head><body><main>",
        escape(&generation.version)
    );
    let _ = write!(out, "<header><p class=\"kind\">{}</p><h1>{title}</h1>", escape(&said(&document.kind)));
    let mut cover = vec![Fact::new("organization", "Organization", Value::text(document.organization.as_str()))];
    cover.extend(document.facts.iter().cloned());
    cover.push(Fact::new("generated", "Generated", Value::Time(generation.at)));
    facts(&mut out, &cover);
    let _ = write!(
        out,
        "<p class=\"digest\">Data snapshot SHA-256 <code>{}</code></p></header>",
        escape(&generation.digest)
    );
    out.push_str("<nav aria-label=\"Contents\"><h2>Contents</h2><ol>");
    for section in &document.sections {
        let class = if section.level > 1 { " class=\"sub\"" } else { "" };
        let _ = write!(out, "<li{class}><a href=\"#{}\">{}</a></li>", escape(&section.id), escape(&section.title));
    }
    out.push_str("</ol></nav>");
    for section in &document.sections {
        one_section(&mut out, section);
    }
    let _ = writeln!(
        out,
        "<footer><p>Generated {} by Sovereign GRC {} from data snapshot {}.</p></footer></main></body></html>",
        minute(generation.at),
        escape(&generation.version),
        escape(&generation.digest)
    );
    out
}

fn one_section(out: &mut String, section: &Section) {
    let heading = if section.level > 1 { "h3" } else { "h2" };
    let _ = write!(out, "<section id=\"{}\"><{heading}>{}</{heading}>", escape(&section.id), escape(&section.title));
    for block in &section.blocks {
        one_block(out, block);
    }
    out.push_str("</section>");
}

fn one_block(out: &mut String, block: &Block) {
    let mut paragraph = |class: &str, text: &str| {
        let _ = write!(out, "<p class=\"{class}\">{}</p>", escape(text));
    };
    match block {
        Block::Text(text) => paragraph("text", text),
        Block::Lead(text) => paragraph("lead", text),
        Block::Note(text) => paragraph("note", text),
        Block::Rule(text) => paragraph("rule", text),
        Block::Points(points) => {
            out.push_str("<ul>");
            for point in points {
                let _ = write!(out, "<li>{}</li>", escape(point));
            }
            out.push_str("</ul>");
        }
        Block::Figures(figures) => {
            out.push_str("<ul class=\"tiles\">");
            for fact in figures {
                let edge = match &fact.value {
                    Value::Word(_, tone) => tone.ink(),
                    _ => crate::Ink::ACCENT,
                };
                let _ = write!(
                    out,
                    "<li style=\"border-top-color:{}\"><span>{}</span>{}</li>",
                    color(edge),
                    escape(&fact.value.read()),
                    escape(&fact.label)
                );
            }
            out.push_str("</ul>");
        }
        Block::Facts(list) => facts(out, list),
        Block::Table(table) => one_table(out, table),
        Block::Chart(chart) => {
            let _ = write!(
                out,
                "<figure><figcaption>{}</figcaption>{}</figure>",
                escape(&chart.title),
                chart.picture().to_svg(&chart.alt)
            );
        }
        Block::SignOff(roles) => {
            out.push_str("<table class=\"sign\"><thead><tr><th>Role</th><th>Name</th><th>Date</th><th>Signature</th></tr></thead><tbody>");
            for role in roles {
                let _ = write!(out, "<tr><td>{}</td><td></td><td></td><td></td></tr>", escape(role));
            }
            out.push_str("</tbody></table>");
        }
    }
}

fn facts(out: &mut String, facts: &[Fact]) {
    out.push_str("<dl class=\"facts\">");
    for fact in facts.iter().filter(|fact| !fact.value.is_none()) {
        let _ = write!(out, "<div><dt>{}</dt><dd>", escape(&fact.label));
        cell(out, &fact.value);
        out.push_str("</dd></div>");
    }
    out.push_str("</dl>");
}

fn one_table(out: &mut String, table: &Table) {
    if !table.title.is_empty() {
        let _ = write!(out, "<h4>{}</h4>", escape(&table.title));
    }
    if table.rows.is_empty() {
        let _ = write!(out, "<p class=\"note\">{}</p>", escape(&table.empty));
        return;
    }
    let printed: Vec<_> = table.printed().collect();
    let numeric: Vec<bool> = (0..table.columns.len()).map(|at| table.is_numeric(at)).collect();
    let class = |at: usize| if numeric.get(at) == Some(&true) { " class=\"n\"" } else { "" };
    out.push_str("<div class=\"scroll\"><table><thead><tr>");
    for (at, column) in &printed {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(*at), escape(&column.label));
    }
    out.push_str("</tr></thead><tbody>");
    let mut group: Option<&Value> = None;
    for row in &table.rows {
        if let Some(value) = table.grouped_by.and_then(|at| row.get(at)).filter(|value| group != Some(value)) {
            let _ = write!(
                out,
                "<tr class=\"group\"><td colspan=\"{}\">{}</td></tr>",
                printed.len(),
                escape(&value.read())
            );
            group = Some(value);
        }
        out.push_str("<tr>");
        for (at, column) in &printed {
            let _ = write!(out, "<td{}>", class(*at));
            if let Some(value) = row.get(*at) {
                if column.strong {
                    out.push_str("<strong>");
                    cell(out, value);
                    out.push_str("</strong>");
                } else {
                    cell(out, value);
                }
            }
            for (below, name) in table.beneath(*at) {
                if let Some(value) = row.get(below).filter(|value| !value.is_none()) {
                    out.push_str("<div class=\"sub\">");
                    if !name.label.is_empty() {
                        let _ = write!(out, "{}: ", escape(&name.label));
                    }
                    cell(out, value);
                    out.push_str("</div>");
                }
            }
            out.push_str("</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn cell(out: &mut String, value: &Value) {
    let text = escape(&value.read());
    let _ = match value {
        Value::Word(_, crate::Tone::Plain) => write!(out, "{text}"),
        Value::Word(_, tone) => write!(
            out,
            "<span class=\"word\" style=\"color:{};background:{}\">{text}</span>",
            color(tone.word()),
            color(tone.ground())
        ),
        _ => write!(out, "{text}"),
    };
}

fn color(ink: crate::Ink) -> String {
    format!("#{:02x}{:02x}{:02x}", ink.0, ink.1, ink.2)
}

/// A text, made safe for HTML and SVG, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            // What would turn the reading of all that follows it.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use time::macros::datetime;

    use super::*;
    use crate::{Chart, Data, Ink, Tone};

    const NASTY: &str = "<script>alert(1)</script>\"'&]]>\u{0}\u{202e}Ωž";

    fn document(text: &str) -> Document {
        let table = Table::new("t", text, &[("a", text), ("b", text), ("c", text), ("g", text)])
            .under("a", &["c"])
            .strong("a")
            .grouped("g")
            .rows([vec![
                Value::text(text),
                Value::Word(text.into(), Tone::Bad),
                Value::List(vec![text.into()]),
                Value::text(text),
            ]]);
        let data =
            Data::Bars { series: vec![(text.into(), Ink::ACCENT)], rows: vec![(text.into(), vec![2.0], text.into())] };
        let section = Section::new("s", text)
            .text(text)
            .note(text)
            .with(Block::Points(vec![text.into()]))
            .with(Block::Figures(vec![Fact::new("f", text, Value::text(text))]))
            .with(Block::SignOff(vec![text.into()]))
            .table(table)
            .chart(Chart::new("c", text, text, data));
        Document {
            kind: "risk_register".into(),
            title: text.into(),
            organization: text.into(),
            facts: vec![Fact::new("x", text, Value::text(text))],
            sections: vec![section],
        }
    }

    fn generation() -> Generation {
        Generation { at: datetime!(2026-03-01 12:00 UTC), version: "1".into(), digest: "ab".into() }
    }

    #[test]
    fn whatever_a_user_typed_is_text() {
        let html = page(&document(NASTY), &generation());
        assert!(!html.contains("<script") && !html.contains('\0') && !html.contains('\u{202e}'));
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;]]&gt;"));
        assert!(html.contains("Ωž"));
        for loading in ["src=", "http://", "https://", "url(", "@import", "javascript:"] {
            assert!(!html.contains(loading), "nothing is loaded: {loading}");
        }
    }

    #[test]
    fn equal_data_has_an_equal_digest_and_equal_bytes() {
        assert_eq!(document("a").digest(), document("a").digest());
        assert_ne!(document("a").digest(), document("b").digest());
        assert_eq!(page(&document("a"), &generation()), page(&document("a"), &generation()));
    }

    proptest! {
        #[test]
        fn no_text_opens_an_element_or_leaves_an_attribute(text in "[<>\"'&a-zé\u{0}\u{7}\u{202e} ]{1,30}") {
            let marks = |html: &str| (html.matches('<').count(), html.matches('>').count(), html.matches('"').count());
            let html = page(&document(&text), &generation());
            // Whatever was typed, every bracket and every quote is the page's own.
            prop_assert_eq!(marks(&html), marks(&page(&document("x"), &generation())));
            prop_assert!(!html.contains('\0'));
        }
    }
}
