//! From pages to a file.

use std::num::{NonZeroU16, NonZeroU32};

use grc_document::{Document, Generation, Ink, picture::Step};
use krilla::{
    Document as Pdf, SerializeSettings,
    annotation::{Annotation, LinkAnnotation, Target},
    color::rgb,
    configure::{Accessibility, Archival, ConfigurationBuilder},
    destination::{Destination, XyzDestination},
    geom::{PathBuilder, Point, Rect, Transform},
    metadata::{DateTime, Metadata, PageLayout},
    outline::{Outline, OutlineNode},
    page::{Page, PageSettings},
    paint::{Fill, Stroke, StrokeDash},
    surface::Surface,
    tagging::{
        Artifact, ArtifactType, BBox, ContentTag, Identifier, ListNumbering, TableHeaderScope, Tag, TagGroup, TagKind,
        TagTree,
    },
};

use crate::{
    PdfError, fonts,
    shape::{Shaper, name},
    sheet::{Book, Drawn, HEIGHT, Heading, Place, Role, Sheet, WIDTH, points},
};

/// Writes the file.
pub(crate) fn paint(
    book: &Book,
    document: &Document,
    generation: &Generation,
    shaper: &mut Shaper,
) -> Result<Vec<u8>, PdfError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| PdfError(format!("{error:?}")))?;
    let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
    let mut pdf = Pdf::new_with(settings);
    let size = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| PdfError("a page has no size".to_owned()))?;
    let mut ids: Vec<Vec<Identifier>> = vec![Vec::new(); book.nodes.len()];
    for sheet in &book.sheets {
        let mut page = pdf.start_page_with(size.clone());
        let mut surface = page.surface();
        one_sheet(&mut surface, sheet, shaper, &mut ids);
        surface.finish();
        jumps(&mut page, sheet, &mut ids);
        page.finish();
    }
    pdf.set_outline(outline(&book.headings));
    pdf.set_metadata(metadata(document, generation));
    let mut tree = TagTree::new().with_lang(Some("en".to_owned()));
    if let Some(whole) = book.nodes.first() {
        for part in &whole.parts {
            tree.push(group(book, *part, &ids));
        }
    }
    pdf.set_tag_tree(tree);
    pdf.finish().map_err(|error| PdfError(format!("{error:?}")))
}

/// Draws a page. What belongs to the same node and stands together is marked together.
fn one_sheet(surface: &mut Surface<'_>, sheet: &Sheet, shaper: &mut Shaper, ids: &mut [Vec<Identifier>]) {
    let mut open: Option<Place> = None;
    for mark in &sheet.marks {
        if open != Some(mark.place) {
            if open.is_some() {
                surface.end_tagged();
            }
            let tag = match mark.place {
                Place::Decoration => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
                Place::Margin => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
                Place::Node(_) => ContentTag::Other,
            };
            let id = surface.start_tagged(tag);
            if let Place::Node(node) = mark.place
                && let Some(ids) = ids.get_mut(node)
            {
                ids.push(id);
            }
            open = Some(mark.place);
        }
        draw(surface, &mark.drawn, shaper);
    }
    if open.is_some() {
        surface.end_tagged();
    }
}

fn draw(surface: &mut Surface<'_>, drawn: &Drawn, shaper: &mut Shaper) {
    match drawn {
        Drawn::Text { x, y, size, bold, ink, text, upright } => {
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*ink)));
            if *upright {
                // A quarter of a turn, so that it reads upwards.
                surface.push_transform(&Transform::from_row(0.0, -1.0, 1.0, 0.0, *x, *y));
            }
            let start = if *upright { (0.0, 0.0) } else { (*x, *y) };
            for run in shaper.line(text, *size, *bold) {
                if let Some(typeface) = fonts::faces().get(run.face) {
                    let at = Point::from_xy(start.0 + run.x, start.1);
                    surface.draw_glyphs(at, &run.glyphs, typeface.font.clone(), text, *size, false);
                }
            }
            if *upright {
                surface.pop();
            }
        }
        Drawn::Path { steps, fill: inside, stroke } => {
            let mut builder = PathBuilder::new();
            for step in steps {
                match *step {
                    Step::Move(x, y) => builder.move_to(points(x), points(y)),
                    Step::Line(x, y) => builder.line_to(points(x), points(y)),
                    Step::Curve(a, b, c, d, x, y) => {
                        builder.cubic_to(points(a), points(b), points(c), points(d), points(x), points(y));
                    }
                    Step::Close => builder.close(),
                }
            }
            let Some(path) = builder.finish() else { return };
            surface.set_fill(inside.map(fill));
            surface.set_stroke(stroke.map(|(ink, width, dashed)| Stroke {
                paint: color(ink).into(),
                width,
                dash: dashed.then(|| StrokeDash { array: vec![3.0, 2.4], offset: 0.0 }),
                ..Stroke::default()
            }));
            if inside.is_some() || stroke.is_some() {
                surface.draw_path(&path);
            }
        }
    }
}

fn color(ink: Ink) -> rgb::Color {
    rgb::Color::new(ink.0, ink.1, ink.2)
}

fn fill(ink: Ink) -> Fill {
    Fill { paint: color(ink).into(), ..Fill::default() }
}

/// The places of a page that lead to others.
fn jumps(page: &mut Page<'_>, sheet: &Sheet, ids: &mut [Vec<Identifier>]) {
    for jump in &sheet.jumps {
        let (left, top, right, bottom) = jump.from;
        let Some(rect) = Rect::from_ltrb(left, top, right, bottom) else { continue };
        let goal = XyzDestination::new(jump.page, Point::from_xy(0.0, (jump.y - 12.0).max(0.0)));
        let link = LinkAnnotation::new(rect, Target::Destination(Destination::Xyz(goal)));
        let id = page.add_tagged_annotation(Annotation::new_link(link, Some(jump.says.clone())));
        if let Some(ids) = ids.get_mut(jump.node) {
            // The annotation comes before what it covers.
            ids.insert(0, id);
        }
    }
}

fn outline(headings: &[Heading]) -> Outline {
    let mut outline = Outline::new();
    let mut last: Option<OutlineNode> = None;
    for heading in headings {
        let goal = XyzDestination::new(heading.page, Point::from_xy(0.0, (heading.y - 12.0).max(0.0)));
        let node = OutlineNode::new(heading.title.clone(), goal);
        match &mut last {
            Some(parent) if heading.level > 1 => parent.push_child(node),
            _ => {
                if let Some(done) = last.replace(node) {
                    outline.push_child(done);
                }
            }
        }
    }
    if let Some(done) = last {
        outline.push_child(done);
    }
    outline
}

fn metadata(document: &Document, generation: &Generation) -> Metadata {
    let at = generation.at.to_offset(time::UtcOffset::UTC);
    let made = DateTime::new(u16::try_from(at.year()).unwrap_or(1))
        .month(u8::from(at.month()))
        .day(at.day())
        .hour(at.hour())
        .minute(at.minute())
        .second(at.second())
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let title = name(&document.title);
    let whose = name(&document.organization);
    Metadata::new()
        .title(title)
        .description(format!("Data snapshot SHA-256 {}", generation.digest))
        .language("en".to_owned())
        .creator(format!("Sovereign GRC {}", generation.version))
        .producer("Sovereign GRC".to_owned())
        .creation_date(made)
        // Whoever has the data and the time has the file: nothing in it is drawn by lot.
        .document_id(format!("{}:{}", generation.digest, at.unix_timestamp_nanos()))
        .page_layout(PageLayout::OneColumn)
        .authors(vec![whose])
}

/// A node of the tree of tags, with what belongs to it.
fn group(book: &Book, at: usize, ids: &[Vec<Identifier>]) -> TagGroup {
    let Some(node) = book.nodes.get(at) else { return TagGroup::new(Tag::NonStruct) };
    let mut group = TagGroup::new(tag(&node.role));
    for id in ids.get(at).into_iter().flatten() {
        group.push(*id);
    }
    for part in &node.parts {
        group.push(self::group(book, *part, ids));
    }
    group
}

fn tag(role: &Role) -> TagKind {
    let level = |level: &u8| NonZeroU16::new(u16::from(*level)).unwrap_or(NonZeroU16::MIN);
    match role {
        Role::Whole => Tag::Part.into(),
        Role::Section => Tag::Section.into(),
        Role::Heading(depth, title) => Tag::Hn(level(depth), Some(title.clone())).into(),
        Role::Paragraph => Tag::P.into(),
        Role::Contents => Tag::TOC.into(),
        Role::Entry => Tag::TOCI.into(),
        Role::Link => Tag::Link.into(),
        Role::List => Tag::L(ListNumbering::Disc).into(),
        Role::Item => Tag::LI.into(),
        Role::ItemBody => Tag::LBody.into(),
        Role::Table => Tag::Table.into(),
        Role::Head => Tag::THead.into(),
        Role::Body => Tag::TBody.into(),
        Role::Row => Tag::TR.into(),
        Role::HeadCell => Tag::TH(TableHeaderScope::Column).into(),
        Role::GroupCell(columns) => Tag::TH(TableHeaderScope::Row).with_col_span(NonZeroU32::new(*columns)).into(),
        Role::Cell => Tag::TD.into(),
        Role::Figure(alt, page, (left, top, right, bottom)) => {
            let rect = Rect::from_ltrb(*left, *top, *right, *bottom);
            Tag::Figure(Some(alt.clone())).with_bbox(rect.map(|rect| BBox::new(*page, rect))).into()
        }
        Role::Caption => Tag::P.into(),
    }
}
