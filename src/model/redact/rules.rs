//! The tokens that providers hand out: what each looks like, and the letters it is known by.
//!
//! A rule costs nothing until the prefilter meets one of its keys. No expression says where a
//! token may begin or end: the engine looks at the neighbours itself, because a written escape
//! (`\n`, `%3D`) or a colour code ends in a letter and is a boundary all the same.

/// One expression, and when it is worth compiling.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The name in the mark.
    pub id: &'static str,
    /// ASCII; every repetition is bounded.
    pub pattern: &'static str,
    /// Literals, one of which every match contains.
    pub keys: &'static [&'static str],
    /// How many token characters follow the key in every match.
    pub tail: u8,
    /// Where in the match the key stands.
    pub place: Place,
    /// What may follow the match.
    pub end: End,
}

/// Where in a match its key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The match begins with it, and no word character stands before.
    First,
    /// The match has it inside, and no word character stands before the match.
    Inside,
    /// The match has it inside and may begin anywhere.
    Anywhere,
}

/// What may follow a match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Anything: the expression took all it could.
    Open,
    /// No word character: a longer run is something else.
    Closed,
}

const fn rule(id: &'static str, pattern: &'static str, keys: &'static [&'static str], tail: u8) -> Rule {
    Rule { id, pattern, keys, tail, place: Place::First, end: End::Open }
}

impl Rule {
    const fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    const fn closed(mut self) -> Self {
        self.end = End::Closed;
        self
    }
}

/// All of them.
pub const RULES: &[Rule] = &[
    rule("aws-access-key-id", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}", &["AKIA", "ASIA", "ABIA", "ACCA"], 16)
        .closed(),
    rule("github", r"gh[pousr]_[A-Za-z0-9_]{36,255}", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], 36),
    rule("github", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", &["github_pat_"], 82).closed(),
    rule(
        "gitlab",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|soat|agent|oas|ffct)-[A-Za-z0-9_.-]{20,300}",
        &[
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glsoat-", "glagent-",
            "gloas-", "glffct-",
        ],
        20,
    ),
    rule("slack", r"xox[abeoprs]-(?:\d-)?[A-Za-z0-9-]{10,250}", &["xox"], 12),
    rule("slack", r"xapp-\d-[A-Z0-9]{8,14}-\d{8,16}-[a-f0-9]{32,96}", &["xapp-"], 52),
    rule(
        "slack",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/]{30,120}",
        &["hooks.slack.com/"],
        39,
    ),
    rule(
        "discord",
        r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
        &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        78,
    ),
    rule("telegram", r"\d{8,10}:AA[A-Za-z0-9_-]{33}", &[":AA"], 33).at(Place::Inside).closed(),
    rule(
        "stripe",
        r"(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,247}",
        &["sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_"],
        10,
    ),
    rule("stripe", r"whsec_[A-Za-z0-9+/=]{24,64}", &["whsec_"], 24),
    rule(
        "openai",
        r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{16,180}T3BlbkFJ[A-Za-z0-9_-]{16,180}",
        &["T3BlbkFJ"],
        16,
    )
    .at(Place::Inside),
    rule("anthropic", r"sk-ant-[a-z]{2,12}\d{2}-[A-Za-z0-9_-]{80,128}", &["sk-ant-"], 85),
    rule("openrouter", r"sk-or-v1-[a-f0-9]{64}", &["sk-or-v1-"], 64).closed(),
    rule("groq", r"gsk_[A-Za-z0-9]{52}", &["gsk_"], 52).closed(),
    rule("xai", r"xai-[A-Za-z0-9]{70,90}", &["xai-"], 70),
    rule("perplexity", r"pplx-[A-Za-z0-9]{48,56}", &["pplx-"], 48),
    rule("replicate", r"r8_[A-Za-z0-9]{37}", &["r8_"], 37).closed(),
    rule("hugging-face", r"(?:hf|api_org)_[A-Za-z]{34}", &["hf_", "api_org_"], 34).closed(),
    rule("google", r"AIza[A-Za-z0-9_-]{35}", &["AIza"], 35).closed(),
    rule("google", r"ya29\.[A-Za-z0-9_-]{30,1000}", &["ya29."], 30),
    rule("google", r"GOCSPX-[A-Za-z0-9_-]{28}", &["GOCSPX-"], 28).closed(),
    rule(
        "azure",
        r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{43,86}={0,2}",
        &["AccountKey=", "SharedAccessKey="],
        43,
    ),
    rule("azure", r"[?&;]sig=[A-Za-z0-9%+/]{40,90}(?:={1,2}|%3[Dd])?", &["sig="], 40).at(Place::Anywhere),
    rule("azure", r"[A-Za-z0-9_~.-]{3}\d[QR]~[A-Za-z0-9_~.-]{31,34}", &["Q~", "R~"], 31).at(Place::Anywhere),
    rule("npm", r"npm_[A-Za-z0-9]{36}", &["npm_"], 36).closed(),
    rule("pypi", r"pypi-AgE[A-Za-z0-9_-]{50,1000}", &["pypi-AgE"], 50),
    rule("rubygems", r"rubygems_[a-f0-9]{48}", &["rubygems_"], 48).closed(),
    rule("nuget", r"oy2[a-z0-9]{43}", &["oy2"], 43).closed(),
    rule("crates", r"cio[A-Za-z0-9]{32}", &["cio"], 32).closed(),
    rule("docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40}", &["dckr_pat_", "dckr_oat_"], 27),
    rule("sendgrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", &["SG."], 66).closed(),
    rule("twilio", r"SK[a-f0-9]{32}", &["SK"], 32).closed(),
    rule("mailgun", r"key-[a-f0-9]{32}", &["key-"], 32).closed(),
    rule("digitalocean", r"do[opr]_v1_[a-f0-9]{64}", &["doo_v1_", "dop_v1_", "dor_v1_"], 64).closed(),
    rule("fly", r"fm[12][ar]?_[A-Za-z0-9+/=_-]{60,1000}", &["fm1", "fm2"], 61),
    rule("netlify", r"nf[pcoub]_[A-Za-z0-9]{36}", &["nfp_", "nfc_", "nfo_", "nfu_", "nfb_"], 36).closed(),
    rule("cloudflare", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", &["v1.0-"], 171).closed(),
    rule("shopify", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}", &["shpat_", "shpca_", "shppa_", "shpss_"], 32)
        .closed(),
    rule("square", r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}", &["sq0atp-", "sq0csp-"], 22),
    rule("vault", r"hv[sbr]\.[A-Za-z0-9_-]{24,300}", &["hvs.", "hvb.", "hvr."], 24),
    rule("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}", &[".atlasv1."], 60)
        .at(Place::Inside),
    rule("pulumi", r"pul-[a-f0-9]{40}", &["pul-"], 40).closed(),
    rule(
        "doppler",
        r"dp\.(?:pt|st|ct|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.scim.", "dp.audit."],
        40,
    ),
    rule(
        "tailscale",
        r"tskey-(?:api|auth|client|scim|webhook)-[A-Za-z0-9]{8,24}(?:-[A-Za-z0-9]{20,64})?",
        &["tskey-"],
        12,
    ),
    rule("onepassword", r"ops_eyJ[A-Za-z0-9+/=_-]{200,2000}", &["ops_eyJ"], 200),
    rule("databricks", r"dapi[a-f0-9]{32}(?:-\d)?", &["dapi"], 32).closed(),
    rule(
        "planetscale",
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}",
        &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        32,
    ),
    rule("supabase", r"sb(?:p|_secret)_[A-Za-z0-9_-]{31,50}", &["sbp_", "sb_secret_"], 31),
    rule("airtable", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}", &["pat"], 79).closed(),
    rule("grafana", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", &["glsa_"], 41).closed(),
    rule("grafana", r"glc_eyJ[A-Za-z0-9+/=]{30,400}", &["glc_eyJ"], 30),
    rule(
        "new-relic",
        r"NR(?:AK|II|JS|RA|SP)-[A-Za-z0-9_-]{19,36}",
        &["NRAK-", "NRII-", "NRJS-", "NRRA-", "NRSP-"],
        19,
    ),
    rule("sentry", r"sntrys_eyJ[A-Za-z0-9+/=_-]{40,500}", &["sntrys_eyJ"], 40),
    rule("sentry", r"sntryu_[a-f0-9]{64}", &["sntryu_"], 64).closed(),
    rule("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}", &["lin_api_", "lin_oauth_"], 32),
    rule("notion", r"ntn_\d{11}[A-Za-z0-9]{35}", &["ntn_"], 46).closed(),
    rule("figma", r"fig[dou]_[A-Za-z0-9_-]{40,60}", &["figd_", "figo_", "figu_"], 40),
    rule("postman", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", &["PMAK-"], 59).closed(),
    rule("atlassian", r"ATATT3[A-Za-z0-9_=-]{100,250}", &["ATATT3"], 100),
    rule("bitbucket", r"ATBB[A-Za-z0-9]{28,32}", &["ATBB"], 28),
    rule("buildkite", r"bk(?:ua|ct|aj|ci)_[A-Za-z0-9]{40}", &["bkua_", "bkct_", "bkaj_", "bkci_"], 40)
        .closed(),
    rule("circleci", r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}", &["CCIPAT_", "CCIPRJ_"], 63).closed(),
    rule("age", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", &["AGE-SECRET-KEY-1"], 58)
        .closed(),
];
