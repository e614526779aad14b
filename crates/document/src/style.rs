//! How a document looks as HTML, on a screen and on paper.

pub(crate) const STYLE: &str = "
:root{--ink:#1d2430;--soft:#5c6675;--line:#dde2ea;--paper:#fff;--tint:#f5f7fa;--accent:#1f4e8c}
*{box-sizing:border-box}
body{margin:0;background:var(--tint);color:var(--ink);font:15px/1.55 system-ui,'Segoe UI','Noto Sans','DejaVu Sans',sans-serif;overflow-wrap:anywhere}
main{max-width:960px;margin:24px auto;padding:48px 56px;background:var(--paper);border:1px solid var(--line);border-radius:6px}
h1{font-size:30px;line-height:1.2;margin:4px 0 20px}
h2{font-size:20px;margin:40px 0 12px;padding-bottom:6px;border-bottom:2px solid var(--accent)}
h3{font-size:16px;margin:28px 0 8px}h4{font-size:14px;margin:22px 0 6px}
.kind{margin:0;color:var(--accent);font-weight:600;letter-spacing:.06em;text-transform:uppercase;font-size:12px}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:10px 24px;margin:0 0 12px}
dt{color:var(--soft);font-size:12px}dd{margin:0;font-weight:500}
.digest,.note,footer{color:var(--soft);font-size:12.5px}.text,.note,.lead{white-space:pre-line}
code{font:12px/1.4 ui-monospace,'DejaVu Sans Mono',monospace}
nav ol{columns:2;margin:0;padding-left:20px}nav li.sub{margin-left:14px}a{color:var(--accent)}
.lead{font-size:17px;margin-top:0}
.rule{padding:10px 14px;background:var(--tint);border-left:3px solid var(--accent)}
figure{margin:16px 0 22px}figcaption{font-weight:600;font-size:14px;margin-bottom:8px}
.chart{width:100%;height:auto;font-family:inherit}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;margin:0 0 12px}
th,td{text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid var(--line)}
thead th{background:var(--tint);font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td{min-width:60px}.group td{background:#eaf0f8;font-weight:600}td .sub{color:var(--soft);font-size:12px}
.word{display:inline-block;padding:0 8px;border-radius:3px;font-size:12px;font-weight:600}
.tiles{list-style:none;display:flex;gap:12px;padding:0;margin:0 0 16px;flex-wrap:wrap}
.tiles li{flex:1;min-width:110px;padding:10px 14px;border:1px solid var(--line);border-top:4px solid var(--accent);border-radius:4px;color:var(--soft);font-size:13px}
.tiles span{display:block;font-size:24px;font-weight:700;color:var(--ink)}
.sign td{height:44px}
@page{size:A4;margin:18mm 16mm}
@media print{body{background:#fff;font-size:11pt}main{border:0;margin:0;padding:0;max-width:none}h2,h3,h4{break-after:avoid}
tr,figure{break-inside:avoid}thead{display:table-header-group}nav{break-after:page}a{color:inherit;text-decoration:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";
