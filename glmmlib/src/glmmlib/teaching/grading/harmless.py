"""What students wrote, made safe to look at: a script in it could give marks in the formgrader."""

import re

MOST_HTML = 200_000     # characters of one output; more is not a table that anybody reads
TAGS = frozenset("""a abbr b blockquote br caption code col colgroup dd details div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre s samp small span strong sub summary sup
    table tbody td tfoot th thead tr u ul""".split())
ATTRIBUTES = {"*": ["class", "title"], "a": ["href"], "img": ["alt", "src", "width", "height"],
              "td": ["colspan", "rowspan"], "th": ["colspan", "rowspan", "scope"]}
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
LINK = re.compile(r"(https?:|mailto:|#)", re.IGNORECASE)
# the image that `figures.show` displays
FIGURE = re.compile(r'<img alt="([^"<>]*)" src="data:image/png;base64,([A-Za-z0-9+/=]+)"[^<>]*>')
UNDESCRIBED = "A figure that comes without a description."
# whatever may open a tag, but for a few that cannot do anything
MARKUP = re.compile(r"<(?!/?(?:b|i|em|strong|sub|sup|br|p|u|kbd|code|details|summary|table|tr|td|th|ul|ol|li)\s*/?>)"
                    r"(?=[A-Za-z/!?])")


def clean_html(html):
    """HTML without anything that acts: tables, text and pictures stay."""
    import bleach

    def allowed(tag, name, value):
        if tag == "img" and name == "src":
            return PICTURE.fullmatch(value) is not None
        if tag == "a" and name == "href":
            return LINK.match(value) is not None
        return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, ())

    if len(html) > MOST_HTML:
        return "<p>(too long to be kept)</p>"
    html = re.sub(r"<(style|script)\b.*?(</\1\s*>|\Z)", "", html, flags=re.DOTALL | re.IGNORECASE)
    try:
        return bleach.clean(html, tags=TAGS, attributes=allowed, strip=True,
                            protocols={"http", "https", "mailto", "data"})
    except RecursionError:
        return "<p>(nested too deeply to be kept)</p>"


def clean_markdown(source):
    """Markdown without HTML that acts; most has none and stays as it is."""
    return clean_html(source) if MARKUP.search(source) else source


def clean_data(data):
    """An output's (data, metadata) by MIME type, from texts that a kernel sent, without what acts."""
    figure = FIGURE.fullmatch(data.get("text/html", "").strip())
    if figure:
        return {"image/png": figure[2], "text/plain": figure[1]}, {"image/png": {"alt": figure[1]}}
    clean = {}
    for mime, content in data.items():
        if mime == "text/html":
            clean[mime] = clean_html(content)
        elif mime == "text/markdown":
            clean[mime] = clean_markdown(content)
        elif mime in ("image/png", "image/jpeg"):
            if re.fullmatch(r"[A-Za-z0-9+/=\s]*", content):
                clean[mime] = content
        elif mime == "text/plain":
            clean[mime] = content
    return clean, {mime: {"alt": UNDESCRIBED} for mime in clean if mime.startswith("image/")}
