"""A small evidence base with one row of every kind, written as the files a user would write."""

from __future__ import annotations

from pathlib import Path

BASE = """\
id = "tiny"
title = "A tiny base"
question = "Which of two defences works at the target?"
criterion = "attacks stopped"
unit = "SMD"
smallest_difference = 0.2
held_at = "10 points of usefulness lost"
held_price = 10
price_tolerance = 5
target_run_se = 0.5

[[targets]]
id = "first deployment"
title = "The first deployment"
novelty = 1.0

[[targets]]
id = "closed model"
novelty = 0.5
coordinates = { capability = "some" }

[[dimensions]]
id = "capability"
meaning = "how much weaker the model is"
none = "as capable"
some = "a generation behind"
major = "much weaker"

[[dimensions]]
id = "aim"
meaning = "where the misalignment comes from"
none = "arisen by itself"
some = "trained in"
major = "instructed"
"""

TECHNIQUES = """\
id,name,description,trial_hours
none,No intervention,The model alone,
monitor,Trusted monitoring,A weaker model reads everything,3
audit,Upfront auditing,,8.5
"""

FAMILIES = """\
id,name,validity_class,irrelevance,stated_at,stated_rho_lo,stated_rho_hi,reason
chat,Small chat models,small-open-chat,0.2,,,,Too weak to scheme
organism,Model organisms,model-organism,,sleeper,0.1,0.4,Order kept in 58 of 100
argument,Arguments,theory,,,,,Assumptions untested
"""

SETTINGS = """\
id,name,family,environment,model_family,size,adversary,outcome,gap_capability,why_capability,gap_aim,why_aim
jailbreak,Jailbreaks,chat,chat,Llama 2,7B,human,attack success,major,7B model,0.75,harm on request
refusal,Over-refusal,chat,chat,Llama 2,7B,none,refusals,major,7B model,unknown,not stated
sleeper,Sleeper agents,organism,code,Claude,frontier,itself,backdoors,some,"a generation
behind",some,trained in
proof,A game,argument,on paper,any,,any,safety,none,any model,none,any aim
"""

STUDIES = """\
id,title,kind,authors,lab,year,url,headline
alpha2023,Defending chat models,empirical,"Ada and Bo, eds.",Lab A,2023,https://example.org/a,f1
beta2024,Sleeper agents watched,empirical,Cy,,2024,,f3
gamma2025,A safety game,theory,Di,,2025,,f7
"""

FINDINGS = """\
id,study,setting,technique,comparator,kind,higher_is_better,scale,estimate,se,ci_lo,ci_hi,rate,k,n,k0,n0,\
mean,sd,mean0,sd0,auc,n_pos,n_neg,q,assumed_n_lo,assumed_n_hi,price_technique,price_comparator,own_technique,\
where,source_kind
f1,alpha2023,jailbreak,monitor,none,counts,no,,,,,,,12,100,31,100,,,,,,,,,,,10,12,yes,Table 1 p. 4,full text
f2,alpha2023,jailbreak,audit,none,effect,no,logit,-0.80,0.25,-1.29,-0.31,,,,,,,,,,,,,,,,,,,Table 2,full text
f3,beta2024,sleeper,monitor,,proportion,yes,,,,,,0.62,,,,,,,,,,,,,50,400,10,,no,Figure 2,abstract
f4,beta2024,sleeper,audit,,proportion,yes,,,,,,,15,100,,,,,,,,,,,,,,,no,Figure 2,full text
f5,beta2024,sleeper,audit,monitor,order,yes,,,,,,,,,,,,,,,,,,.7,,,,,no,Abstract,abstract
f6,alpha2023,refusal,monitor,none,existence,no,,,,,,,,,,,,,,,,,,0.9,,,,,yes,p. 7,full text
f7,gamma2025,proof,audit,none,argument,yes,,,,,,,,,,,,,,,,,,0.6,,,,,yes,Theorem 1,full text
f8,alpha2023,refusal,audit,none,means,no,,,,,,,,40,,40,1.5,2,2.5,2,,,,,,,,,no,Table 3,full text
f9,beta2024,sleeper,monitor,none,auroc,yes,,,,,,,,,,,,,,,0.8,50,50,,,,,,no,Table 4,full text
f10,alpha2023,jailbreak,audit,monitor,counts,no,,,,,,,12,100,31,100,,,,,,,,,,,30,10,no,Table 5,full text
"""

OUTCOMES = """\
target,technique,estimate_smd,se_smd,baseline_var_smd,rate,n,where
closed model,monitor,0.4,0.1,0.004,0.62,200,Table 9
closed model,audit,-0.1,0.1,0.004,,200,Table 9
"""

TABLES: dict[str, str] = {
    "base": BASE,
    "techniques": TECHNIQUES,
    "families": FAMILIES,
    "settings": SETTINGS,
    "studies": STUDIES,
    "findings": FINDINGS,
    "outcomes": OUTCOMES,
}


def file_name(table: str) -> str:
    return f"{table}.toml" if table == "base" else f"{table}.csv"


def write_base(folder: Path, **changes: str | bytes | None) -> Path:
    """Write the tiny base into `folder`; `changes` replaces the text of a table by name, None leaves it out."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, text in {**TABLES, **changes}.items():
        if text is not None:
            data = text if isinstance(text, bytes) else text.encode("utf-8")
            (folder / file_name(table)).write_bytes(data)
    return folder
