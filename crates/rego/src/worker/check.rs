//! What is wrong with a module that parses: its package, functions that there are none of or that may not be called,
//! functions that call themselves. An Open Policy Agent refuses the same when it compiles; the evaluator would notice when
//! it comes to the place, or run out of stack.

use std::collections::{BTreeMap, BTreeSet};

use grc_policy::{
    engine::SourceError,
    path::{OWN, is_name},
};
use regorus::{
    Engine,
    unstable::{BUILTINS, Expr, Literal, Module, Query, Rule, RuleAssign, RuleHead, Span},
};

use super::evaluate::FORBIDDEN;

/// What is wrong with the module of a name.
pub fn module(engine: &mut Engine, name: &str) -> Vec<SourceError> {
    let modules = engine.get_modules();
    let mut known = BTreeSet::new();
    let mut calls: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for module in modules {
        functions(module, &mut known);
    }
    let mut errors = Vec::new();
    for module in modules {
        let is_meant = module.package.span.source.file() == name;
        if is_meant {
            errors.extend(package(module));
        }
        let mut walk = Walk { module, known: &known, caller: String::new(), calls: &mut calls, errors: Vec::new() };
        for rule in &module.policy {
            walk.rule(rule);
        }
        if is_meant {
            errors.extend(walk.errors);
        }
    }
    if errors.is_empty() {
        let meant = modules.iter().find(|module| module.package.span.source.file() == name);
        errors.extend(meant.and_then(|module| recursion(module, &calls)));
    }
    errors
}

fn at(span: &Span, message: impl Into<String>) -> SourceError {
    SourceError { message: message.into(), line: Some(span.line), column: Some(span.col) }
}

/// An organization's packages lie under `org`.
fn package(module: &Module) -> Option<SourceError> {
    let names = segments(&module.package.refr);
    let is_own = names.as_ref().is_some_and(|names| {
        names.len() > 1 && names.first().is_some_and(|first| first == OWN) && names.iter().all(|name| is_name(name))
    });
    (!is_own).then(|| at(&module.package.span, "the package must be org.NAME"))
}

/// The names of a reference that has nothing else: `data.org.x` or `data["org"].x`.
fn segments(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Var { span, .. } => Some(vec![span.text().to_owned()]),
        Expr::RefDot { refr, field, .. } => {
            let mut names = segments(refr)?;
            names.push(field.0.text().to_owned());
            Some(names)
        }
        Expr::RefBrack { refr, index, .. } => {
            let mut names = segments(refr)?;
            let Expr::String { value, .. } = index.as_ref() else { return None };
            names.push(value.as_string().ok()?.as_ref().to_owned());
            Some(names)
        }
        _ => None,
    }
}

fn package_path(module: &Module) -> String {
    format!("data.{}", segments(&module.package.refr).unwrap_or_default().join("."))
}

fn head(rule: &Rule) -> Option<(&Expr, &Span)> {
    match rule {
        Rule::Spec { head: RuleHead::Func { refr, .. }, span, .. } => Some((refr, span)),
        Rule::Default { refr, args, span, .. } if !args.is_empty() => Some((refr, span)),
        _ => None,
    }
}

fn functions(module: &Module, known: &mut BTreeSet<String>) {
    let package = package_path(module);
    for rule in &module.policy {
        if let Some(names) = head(rule).and_then(|(refr, _)| segments(refr)) {
            known.insert(format!("{package}.{}", names.join(".")));
        }
    }
}

/// The first function of a module that comes to call itself.
fn recursion(module: &Module, calls: &BTreeMap<String, Vec<String>>) -> Option<SourceError> {
    let package = package_path(module);
    module.policy.iter().find_map(|rule| {
        let (refr, span) = head(rule)?;
        let name = format!("{package}.{}", segments(refr)?.join("."));
        let mut seen = BTreeSet::new();
        let mut left: Vec<&String> = calls.get(&name).into_iter().flatten().collect();
        while let Some(next) = left.pop() {
            if *next == name {
                return Some(at(span, format!("{} calls itself", name.trim_start_matches("data."))));
            }
            if seen.insert(next) {
                left.extend(calls.get(next).into_iter().flatten());
            }
        }
        None
    })
}

/// A walk over everything that a module calls.
struct Walk<'a> {
    module: &'a Module,
    known: &'a BTreeSet<String>,
    /// The function or rule that is walked through.
    caller: String,
    calls: &'a mut BTreeMap<String, Vec<String>>,
    errors: Vec<SourceError>,
}

impl Walk<'_> {
    fn rule(&mut self, rule: &Rule) {
        let named = match rule {
            Rule::Spec {
                head: RuleHead::Func { refr, .. } | RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. },
                ..
            } => refr,
            Rule::Default { refr, .. } => refr,
        };
        self.caller = format!("{}.{}", package_path(self.module), segments(named).unwrap_or_default().join("."));
        match rule {
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { refr, assign, .. } => {
                        self.expr(refr);
                        self.assign(assign.as_ref());
                    }
                    RuleHead::Set { refr, key, .. } => {
                        self.expr(refr);
                        self.all(key.iter().map(AsRef::as_ref));
                    }
                    RuleHead::Func { args, assign, .. } => {
                        self.all(args.iter().map(AsRef::as_ref));
                        self.assign(assign.as_ref());
                    }
                }
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
            Rule::Default { value, .. } => self.expr(value),
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { key, value, collection, .. } => {
                    self.all(key.iter().map(AsRef::as_ref));
                    self.expr(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { domain, query, .. } => {
                    self.expr(domain);
                    self.query(query);
                }
            }
            for modifier in &statement.with_mods {
                // A function can stand in for another, so its name counts as a call of it.
                if let Some(names) = segments(&modifier.r#as) {
                    let name = names.join(".");
                    if let Some(function) = self.function(&name) {
                        self.call(function);
                    } else if is_forbidden(&name) {
                        self.errors.push(at(modifier.r#as.span(), format!("{name} may not be called")));
                    }
                }
                self.expr(&modifier.r#as);
            }
        }
    }

    fn all<'b>(&mut self, expressions: impl Iterator<Item = &'b Expr>) {
        for expr in expressions {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Var { .. } => {}
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items.iter().map(AsRef::as_ref)),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { span, fcn, params, .. } => {
                self.named_call(span, fcn, params.len());
                self.all(params.iter().map(AsRef::as_ref));
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::RefDot { refr, .. } => self.expr(refr),
            Expr::RefBrack { refr, index, .. } => {
                self.expr(refr);
                self.expr(index);
            }
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.all(key.iter().map(AsRef::as_ref));
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    fn named_call(&mut self, span: &Span, called: &Expr, given: usize) {
        let Some(names) = segments(called) else {
            self.errors.push(at(span, "a function must be called by its name"));
            return;
        };
        let name = names.join(".");
        if let Some(function) = self.function(&name) {
            self.call(function);
        } else if is_forbidden(&name) {
            self.errors.push(at(span, format!("{name} may not be called")));
        } else if let Some((_, parameters)) = BUILTINS.get(name.as_str()) {
            // One more than it takes is what the result is compared with.
            let taken = usize::from(*parameters);
            if given != taken && given != taken + 1 {
                self.errors.push(at(span, format!("{name} takes {taken} parameters, not {given}")));
            }
        } else if name != "print" {
            self.errors.push(at(span, format!("there is no function {name}")));
        }
    }

    fn call(&mut self, function: String) {
        self.calls.entry(self.caller.clone()).or_default().push(function);
    }

    /// The function of the modules that a name means here: by its whole path, in this package, or through an import.
    fn function(&self, name: &str) -> Option<String> {
        let known = |path: String| self.known.contains(&path).then_some(path);
        if let Some(found) = known(name.to_owned()).or_else(|| known(format!("{}.{name}", package_path(self.module)))) {
            return Some(found);
        }
        let (first, rest) = name.split_once('.')?;
        self.module.imports.iter().find_map(|import| {
            let path = segments(&import.refr)?;
            let called = import.r#as.as_ref().map_or(path.last().map(String::as_str), |span| Some(span.text()))?;
            if called == first { known(format!("{}.{rest}", path.join("."))) } else { None }
        })
    }
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|(forbidden, _)| *forbidden == name)
}
