"""The style sheet of a report: for light and dark screens, and for paper."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c2128;--dim:#57606a;--paper:#fff;--panel:#f6f8fa;--line:#d0d7de;
--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;--link:#0969da;--comment:#6e7781;--string:#1a7f37;--number:#9a6700;
--keyword:#0550ae;--type:#7c3aed}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--paper:#0d1117;--panel:#161b22;--line:#30363d;
--good:#3fb950;--bad:#f85149;--warn:#d29922;--link:#4493f8;--comment:#9198a1;--string:#7ee787;--number:#e3b341;
--keyword:#79c0ff;--type:#d2a8ff}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere;
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem 4rem}a{color:var(--link)}
h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;
border-bottom:1px solid var(--line);padding-bottom:.3rem}
.kicker{color:var(--dim);margin:0}.mono,pre,code{font-family:ui-monospace,"SF Mono",Menlo,"Liberation Mono",monospace;
font-size:.86em}.state{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.dim{color:var(--dim)}.summary{border:1px solid var(--line);border-left:.4rem solid var(--dim);border-radius:6px;
padding:.7rem 1rem;margin:1.2rem 0}.summary.good{border-left-color:var(--good)}.summary.bad{border-left-color:var(--bad)}
.summary.warn{border-left-color:var(--warn)}.summary,.summary pre{color:var(--ink)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0}dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92em;overflow-wrap:normal}th,td{text-align:left;vertical-align:top;
padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line)}th{color:var(--dim);font-weight:600}
td.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.when{white-space:nowrap}
.cell{border:1px solid var(--line);border-radius:6px;margin:.8rem 0;overflow:hidden}
.cell>header{display:flex;gap:.8rem;flex-wrap:wrap;padding:.35rem .8rem;background:var(--panel);font-size:.86em;
color:var(--dim);border-bottom:1px solid var(--line)}.cell>header .state{margin-left:auto}
.cell.failed,.cell.interrupted{border-color:var(--bad)}.cell.quiet{opacity:.65}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}.cell>pre{padding:.6rem .8rem}
.out{padding:.5rem .8rem;border-top:1px dashed var(--line);overflow-x:auto}.out pre{white-space:pre-wrap}
.out.error{border-left:.3rem solid var(--bad)}.out.stderr{color:var(--warn)}.out img,.out svg{max-width:100%}
.note{margin:1.2rem 0 .8rem;overflow-wrap:anywhere}.note h1,.note h2,.note h3{margin:1.6rem 0 .2rem;
font-size:1.05rem;border:0;padding:0}.note p,
.note pre{margin:.35rem 0}.note pre{background:var(--panel);border-radius:4px;padding:.4rem .7rem}
.comment{color:var(--comment)}.string{color:var(--string)}.number{color:var(--number)}.keyword{color:var(--keyword)}
.type{color:var(--type)}footer{margin-top:3rem;color:var(--dim);font-size:.88em}
@media print{:root{--ink:#000;--dim:#444;--paper:#fff;--panel:#f4f4f4;--line:#bbb;--good:#060;--bad:#900;--warn:#630;
--link:#000;--comment:#555;--string:#040;--number:#420;--keyword:#005;--type:#404}body{font-size:10.5pt}
main{max-width:none;padding:0}.cell.quiet{opacity:1}.cell>header,tr{break-inside:avoid}h2,.cell>header{break-after:avoid}
a{text-decoration:none}}
"""
