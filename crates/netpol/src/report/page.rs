//! How is connectivity explored in a browser? One file: the drawing, a search field and the list; nothing is fetched.

use super::Language;
use intramuros_core::markup::escape;

use super::drawing::svg;
use super::lines::Line;

const STYLE: &str = "body{margin:0;font:14px/1.45 system-ui,sans-serif;color:#1c2733;background:#fff}header{position:sticky;top:0;background:#fff;border-bottom:1px solid #c3ccd6;padding:.7rem 1rem;display:flex;gap:1rem;align-items:center;flex-wrap:wrap}h1{font-size:1.05rem;margin:0}input{font:inherit;padding:.35rem .6rem;border:1px solid #8796a5;border-radius:5px;min-width:18rem}main{padding:1rem}figure{margin:0 0 1rem;overflow:auto;border:1px solid #c3ccd6;border-radius:8px}.node{cursor:pointer}.node:focus rect,.node.on rect{stroke-width:3;fill:#fff6d6}.dim{opacity:.08}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;vertical-align:top}[hidden]{display:none}@media(prefers-color-scheme:dark){body,header{background:#14191f;color:#dfe6ee}figure{background:#fff}input{background:#1d242c;color:inherit}th,td{border-color:#2b3540}}";

const SCRIPT: &str = "const q=document.getElementById('q'),rows=[...document.querySelectorAll('tbody tr')],edges=[...document.querySelectorAll('.edge')],nodes=[...document.querySelectorAll('.node')],count=document.getElementById('count');let chosen='';function show(){const t=q.value.trim().toLowerCase(),seen=new Set();let n=0;const fits=(f,o)=>(!chosen||f===chosen||o===chosen)&&(!t||f.toLowerCase().includes(t)||o.toLowerCase().includes(t));for(const r of rows){const ok=fits(r.dataset.from,r.dataset.to)||(t&&!chosen&&r.textContent.toLowerCase().includes(t));r.hidden=!ok;n+=ok;if(ok){seen.add(r.dataset.from);seen.add(r.dataset.to)}}for(const e of edges)e.classList.toggle('dim',!fits(e.dataset.from,e.dataset.to));for(const g of nodes){g.classList.toggle('on',g.dataset.name===chosen);g.classList.toggle('dim',(chosen||t)&&!seen.has(g.dataset.name))}count.textContent=n}q.addEventListener('input',show);for(const g of nodes){g.setAttribute('tabindex','0');g.setAttribute('role','button');const pick=()=>{chosen=chosen===g.dataset.name?'':g.dataset.name;show()};g.addEventListener('click',pick);g.addEventListener('keydown',e=>{if(e.key==='Enter'||e.key===' '){e.preventDefault();pick()}})}document.addEventListener('keydown',e=>{if(e.key==='Escape'){chosen='';q.value='';show()}});show();";

/// A self-contained HTML page.
pub fn html(lines: &[Line], language: Language) -> String {
    let title = language.pick("Qui peut joindre qui", "Who can reach whom");
    let search = language.pick("Filtrer : nom, port, adresse", "Filter: name, port, address");
    let hint = language.pick(
        "Cliquer sur une charge montre ses flux ; Échap montre tout.",
        "Click a workload to see its flows; Escape shows everything.",
    );
    let shown = language.pick("flux", "flows");
    let mut rows = String::new();
    for line in lines {
        let (from, to) = (escape(&line.source), escape(&line.destination));
        rows.push_str(&format!(
            "<tr data-from=\"{from}\" data-to=\"{to}\"><td>{from}</td><td>{to}</td><td>{}</td></tr>\n",
            escape(&language.read(&line.connections.said()))
        ));
    }
    let lang = language.pick("fr", "en");
    let connections = language.pick("Connexions", "Connections");
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<header><h1>{title}</h1><label><input id=\"q\" type=\"search\" placeholder=\"{search}\" aria-label=\"{search}\"></label><span><b id=\"count\"></b> {shown}</span><small>{hint}</small></header>\n<main><figure>\n{}</figure>\n<table><thead><tr><th>Source</th><th>Destination</th><th>{connections}</th></tr></thead><tbody>\n{rows}</tbody></table></main>\n<script>{SCRIPT}</script>\n</html>\n",
        svg(lines, language)
    )
}
