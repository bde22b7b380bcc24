//! Reads the sources as far as the rules on imports need: which names a file uses, and which file defines
//! them.
//!
//! Reading is by token, so comments and texts do not count. A path is followed through `use`, `pub use` and
//! globs to the file that defines its last item; a re-export is not a use. What only tests compile is marked
//! as such. Not seen are methods that are called on a value, and paths that a macro of ours makes up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One module: a file, or a `mod name { .. }` inside one.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<String>,
    /// Functions, types, constants and so on that are defined here.
    items: HashSet<String>,
    children: HashSet<String>,
    imports: Vec<Import>,
    paths: Vec<Written>,
    /// Every name in the code outside of `use`.
    names: HashSet<String>,
}

struct Import {
    /// The name that it brings in; none for a glob.
    name: Option<String>,
    path: Vec<String>,
    is_public: bool,
    is_test: bool,
}

/// A path of at least two segments as it stands in code.
struct Written {
    path: Vec<String>,
    is_test: bool,
}

/// Where a path leads.
#[derive(Clone, PartialEq)]
enum Target {
    Module(String),
    /// Something that this module defines.
    Item(String),
}

/// `A` uses something that `B` defines, in code that is not only for tests.
pub type Edges = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate by path: `broker::state`; the crate itself is the empty path.
pub struct Sources {
    modules: HashMap<String, Module>,
}

/// A path of the crate as it is named in the code of a file, without `crate` and `super`.
pub struct Use {
    pub file: String,
    pub path: String,
    pub is_test: bool,
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

impl Sources {
    /// Reads the crate whose root is `folder/lib.rs`, and the program beside it in `folder/main.rs`.
    pub fn read(folder: &Path) -> Sources {
        let mut sources = Sources { modules: HashMap::new() };
        sources.read_file(folder, "lib.rs", "", None, false);
        if folder.join("main.rs").exists() {
            sources.read_file(folder, "main.rs", "main", None, false);
        }
        sources
    }

    fn read_file(&mut self, folder: &Path, file: &str, path: &str, parent: Option<&str>, is_test: bool) {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        let parent = parent.map(str::to_owned);
        let module = Module { file: file.to_owned(), parent, ..Module::default() };
        self.modules.insert(path.to_owned(), module);
        for child in self.read_items(path, &tokens.into_iter().collect::<Vec<_>>(), is_test) {
            let (name, is_test) = child;
            let beside = match file.strip_suffix("/mod.rs") {
                Some(folder) => format!("{folder}/"),
                None if matches!(file, "lib.rs" | "main.rs") => String::new(),
                None => format!("{}/", file.trim_end_matches(".rs")),
            };
            let flat = format!("{beside}{name}.rs");
            let child_file =
                if folder.join(&flat).exists() { flat } else { format!("{beside}{name}/mod.rs") };
            self.read_file(folder, &child_file, &join(path, &name), Some(path), is_test);
        }
    }

    /// Reads the items of a module's body; returns the modules that lie in files of their own.
    fn read_items(&mut self, path: &str, tokens: &[TokenTree], is_test: bool) -> Vec<(String, bool)> {
        let mut children = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let item = item_at(tokens, at);
            let is_test = is_test || item.is_test;
            let body = &tokens[item.start..item.end];
            at = item.end;
            let module = self.modules.get_mut(path).expect("the module is known");
            match item.keyword.as_deref() {
                Some("mod") => {
                    let name = item.name.expect("a module has a name");
                    module.children.insert(name.clone());
                    let Some(TokenTree::Group(group)) = body.last() else {
                        children.push((name, is_test));
                        continue;
                    };
                    let inner = join(path, &name);
                    let (file, parent) = (module.file.clone(), Some(path.to_owned()));
                    let child = Module { file, parent, ..Module::default() };
                    self.modules.insert(inner.clone(), child);
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    let nested = self.read_items(&inner, &inside, is_test);
                    assert!(nested.is_empty(), "{inner}: files of modules inside a file are not understood");
                }
                Some("use") => module.add_imports(body, is_test),
                _ => {
                    module.items.extend(item.name);
                    module.scan(body, is_test);
                }
            }
        }
        children
    }

    /// Follows a path from inside a module to what it means; `None` where it leads out of the crate.
    fn resolve(&self, from: &str, path: &[String], depth: u32) -> Option<Target> {
        if depth > 12 {
            return None;
        }
        let mut here = from.to_owned();
        let mut rest = path;
        let mut is_first = true;
        while let Some((segment, after)) = rest.split_first() {
            let module = &self.modules[&here];
            match segment.as_str() {
                "crate" if is_first => here = String::new(),
                "aotf" if is_first && here == "main" => here = String::new(),
                "self" => {}
                "super" => here = module.parent.clone()?,
                name if module.children.contains(name) => here = join(&here, name),
                name if module.items.contains(name) => return Some(Target::Item(here)),
                name => {
                    // A path that begins with a foreign crate's name ends here, unless something is called
                    // alike.
                    let named =
                        module.imports.iter().filter(|import| import.name.as_deref() == Some(name)).find_map(
                            |import| {
                                // `use rustix;` inside a module, or a name that is imported as itself.
                                if import.path.first().is_some_and(|first| first == name) && here == from {
                                    return None;
                                }
                                self.resolve(&here, &import.path, depth + 1)
                            },
                        );
                    let found = named.or_else(|| {
                        module.imports.iter().filter(|import| import.name.is_none()).find_map(|import| {
                            let Target::Module(inside) = self.resolve(&here, &import.path, depth + 1)? else {
                                return None;
                            };
                            self.resolve(&inside, std::slice::from_ref(segment), depth + 1)
                        })
                    });
                    match found? {
                        Target::Module(path) => here = path,
                        item => return Some(item),
                    }
                }
            }
            rest = after;
            is_first = false;
        }
        Some(Target::Module(here))
    }

    fn file_of(&self, module: &str) -> &str {
        &self.modules[module].file
    }

    /// Which file uses what another file defines, outside of tests.
    pub fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (path, module) in &self.modules {
            let mut used: Vec<&Vec<String>> = Vec::new();
            for import in module.imports.iter().filter(|import| !import.is_test) {
                let is_named = import.name.as_ref().is_some_and(|name| module.names.contains(name));
                if !import.is_public || is_named {
                    used.push(&import.path);
                }
            }
            used.extend(module.paths.iter().filter(|written| !written.is_test).map(|written| &written.path));
            for target in used.into_iter().filter_map(|used| self.resolve(path, used, 0)) {
                // A module that is imported is used by the paths that begin with its name.
                let Target::Item(target) = target else { continue };
                let (file, target) = (module.file.clone(), self.file_of(&target).to_owned());
                if file != target {
                    edges.entry(file).or_default().insert(target);
                }
            }
        }
        edges
    }

    /// Every path of the crate that a file names, as far as it is written.
    pub fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (here, module) in &self.modules {
            let imports = module.imports.iter().map(|import| (&import.path, import.is_test));
            let written = module.paths.iter().map(|written| (&written.path, written.is_test));
            for (path, is_test) in imports.chain(written) {
                let mut at = match path[0].as_str() {
                    "crate" => String::new(),
                    "aotf" if here == "main" => String::new(),
                    "self" | "super" => here.clone(),
                    _ => continue,
                };
                let steps = if path[0] == "super" { &path[..] } else { &path[1..] };
                for step in steps {
                    match step.as_str() {
                        "super" => at = self.modules[&at].parent.clone().unwrap_or_default(),
                        name => at = join(&at, name),
                    }
                }
                uses.push(Use { file: module.file.clone(), path: at, is_test });
            }
        }
        uses
    }

    pub fn files(&self) -> BTreeSet<&str> {
        self.modules.values().map(|module| module.file.as_str()).collect()
    }
}

impl Module {
    fn add_imports(&mut self, body: &[TokenTree], is_test: bool) {
        let start = body.iter().position(|token| is_ident(token, "use")).expect("a use declaration");
        let is_public = body[..start].iter().any(|token| is_ident(token, "pub"));
        let tree: Vec<TokenTree> = body[start + 1..body.len() - 1].to_vec();
        let mut found = Vec::new();
        use_tree(&tree, &[], &mut found);
        self.imports.extend(found.into_iter().map(|(name, path)| Import { name, path, is_public, is_test }));
    }

    /// Collects the paths of a piece of code.
    fn scan(&mut self, tokens: &[TokenTree], is_test: bool) {
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.scan(&inside, is_test);
                    at += 1;
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    let end = tokens[at..].iter().position(|token| is_punct(token, ';'));
                    let end = end.map_or(tokens.len(), |length| at + length + 1);
                    if end - at > 2 && is_punct(&tokens[end - 1], ';') {
                        self.add_imports(&tokens[at..end], is_test);
                    }
                    at = end;
                }
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    let mut next = at + 1;
                    while next + 2 < tokens.len()
                        && is_punct(&tokens[next], ':')
                        && is_punct(&tokens[next + 1], ':')
                    {
                        let TokenTree::Ident(segment) = &tokens[next + 2] else { break };
                        path.push(segment.to_string());
                        next += 3;
                    }
                    let is_field =
                        at > 0 && (is_punct(&tokens[at - 1], '.') || is_punct(&tokens[at - 1], '$'));
                    if !is_field {
                        self.names.insert(path[0].clone());
                        if path.len() > 1 {
                            self.paths.push(Written { path, is_test });
                        }
                    }
                    at = next;
                }
                _ => at += 1,
            }
        }
    }
}

/// The next item of a module's body.
struct Item {
    start: usize,
    end: usize,
    is_test: bool,
    keyword: Option<String>,
    name: Option<String>,
}

fn item_at(tokens: &[TokenTree], from: usize) -> Item {
    let mut at = from;
    let mut is_test = false;
    // Attributes, also those of the file itself.
    while at + 1 < tokens.len() && is_punct(&tokens[at], '#') {
        at += 1 + usize::from(is_punct(&tokens[at + 1], '!'));
        let text = tokens[at].to_string().replace(' ', "");
        is_test |= text == "[test]"
            || (text.starts_with("[cfg(") && text.contains("test") && !text.contains("not("));
        at += 1;
    }
    let start = at;
    let (mut keyword, mut name) = (None, None);
    while at < tokens.len() {
        let token = &tokens[at];
        at += 1;
        match token {
            TokenTree::Ident(ident) if keyword.is_none() => {
                let word = ident.to_string();
                let next = tokens.get(at).map(ToString::to_string);
                match word.as_str() {
                    // `const fn` is a function.
                    "const" if matches!(next.as_deref(), Some("fn" | "unsafe" | "async")) => {}
                    "mod" | "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union"
                    | "use" | "impl" => {
                        name = next.filter(|_| word != "use" && word != "impl");
                        keyword = Some(word);
                    }
                    "macro_rules" => {
                        name = tokens.get(at + 1).map(ToString::to_string);
                        keyword = Some(word);
                    }
                    _ => {}
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            // `use` and values go on to their semicolon, also behind braces.
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::Brace
                    && !matches!(keyword.as_deref(), Some("use" | "const" | "static" | "type")) =>
            {
                break;
            }
            _ => {}
        }
    }
    Item { start, end: at, is_test, keyword, name }
}

/// The names that the tree of a `use` brings in, with the path of each; no name for a glob.
fn use_tree(tokens: &[TokenTree], before: &[String], found: &mut Vec<(Option<String>, Vec<String>)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) if ident == "as" => {
                let name = tokens[at + 1].to_string();
                found.push((Some(name), path));
                return;
            }
            // `a::{self}` is `a` itself.
            TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '*' => {
                found.push((None, path));
                return;
            }
            TokenTree::Group(group) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inside.split(|token| is_punct(token, ',')).filter(|part| !part.is_empty()) {
                    use_tree(part, &path, found);
                }
                return;
            }
            _ => {}
        }
        at += 1;
    }
    found.push((path.last().cloned(), path));
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

/// The groups of files that use each other in a circle, by their names; each group is as large as can be.
pub fn circles(edges: &Edges) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for next in edges.get(file).into_iter().flatten() {
                if reached.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|file| (file.as_str(), reach(file))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, there) in reached.iter().filter(|(file, there)| there.contains(*file)) {
        let back = there.iter().filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)));
        circles.insert(back.map(|other| (*other).to_owned()).collect());
    }
    circles.into_iter().collect()
}
