//! Which members of which resources are searched: a rule over their declarations, so that nothing is listed twice.

use grc_kernel::{Access, Permission, resource::Declared, shape::Ty};

/// A kind of records that are searched.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The kind.
    pub kind: &'static str,
    /// Its table.
    pub table: &'static str,
    /// What reading it takes.
    pub right: Permission,
    /// The column that names a record.
    pub title: &'static str,
    /// Further columns of one line: other names, identifiers. They weigh as much as the title.
    pub names: Vec<&'static str>,
    /// Columns of longer text.
    pub texts: Vec<&'static str>,
    /// The column that names the record that it belongs to, and that one's kind.
    pub parent: Option<(&'static str, &'static str)>,
    /// The column and the word of records that count as removed.
    pub gone: Option<(&'static str, &'static str)>,
}

impl Source {
    /// What is searched of a resource; nothing where it has no searched member.
    pub fn of(declared: &Declared) -> Option<Self> {
        let searched: Vec<_> = declared.members.iter().filter(|member| member.searched).collect();
        let named = declared.members.iter().find(|member| member.name == declared.name);
        let title = named.or(searched.first().copied())?;
        if searched.is_empty() {
            return None;
        }
        let is_line = |ty: Ty| !matches!(ty, Ty::Text(_));
        let names = searched.iter().filter(|member| is_line(member.ty) && member.column != title.column);
        let texts = searched.iter().filter(|member| !is_line(member.ty));
        // What is under another record has a reference to it that the service sets.
        let parent = declared.members.iter().find_map(|member| match member.ty {
            Ty::Ref(kind) if member.role.is_the_services() && !member.nullable => Some((member.column, kind)),
            _ => None,
        });
        let column =
            |name: &str| declared.members.iter().find(|member| member.name == name).map(|member| member.column);
        Some(Self {
            kind: declared.kind,
            table: declared.table,
            right: Permission::new(declared.area, declared.read),
            title: title.column,
            names: names.map(|member| member.column).collect(),
            texts: texts.map(|member| member.column).collect(),
            parent,
            gone: declared.gone.and_then(|(member, word)| Some((column(member)?, word))),
        })
    }

    /// What is no declared resource and is searched all the same: members, an organization's own frameworks and their
    /// controls.
    pub fn others() -> [Self; 3] {
        let plain = |kind, table, area, title, names: &[&'static str], texts: &[&'static str]| Self {
            kind,
            table,
            right: Permission::new(area, Access::Read),
            title,
            names: names.to_vec(),
            texts: texts.to_vec(),
            parent: None,
            gone: None,
        };
        let control = ["description", "guidance"];
        [
            plain("user", "memberships", "user", "name", &["email"], &[]),
            plain("framework", "frameworks", "framework", "name", &["key"], &["description"]),
            Self {
                parent: Some(("framework_id", "framework")),
                ..plain("framework_control", "requirements", "framework", "title", &["control_ref"], &control)
            },
        ]
    }
}
