"""Words by which furniture gives itself away, in class names and in text.

Class names are compared as words ("relatedPosts" is "related posts"), never as substrings:
"article-header" is no ad, "leader" no "ad". Text patterns are anchored at the start of a line
and are asked only about short or link-heavy ones. Each table is a regular expression written as
lines of alternatives, parted by " | ".
"""

import re
from functools import lru_cache

_PART = re.compile(r"\s+\|\s+|\s*\n\s*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_LONGEST_LABEL = 300
_REMEMBERED = 16_384
_WITH = re.compile(r"(?:^|-)(?:with|without|has|no|not)-.*$")  # "content-with-sidebar" is none
_LONGEST_NAME = 7  # words; longer class names are headlines made into slugs


def any_of(table: str) -> str:
    """A table's alternatives as one group."""
    return f"(?:{'|'.join(part for part in _PART.split(table.strip()) if part)})"


class Names:
    """A sort of names that authors give to elements.

    Remembers what it was asked: most pages name hundreds of elements alike.
    """

    def __init__(self, pattern: str) -> None:
        """`pattern` is for one name as `words_of` gives it."""
        self._pattern = re.compile(pattern)
        self._has_known = lru_cache(_REMEMBERED)(self._has)
        self.stand_in = lru_cache(_REMEMBERED)(self._stand_in)
        """Whether one of an element's names is of this sort."""

    def in_words(self, words: str) -> bool:
        """Whether a name's words, as `words_of` gives them, are of this sort."""
        return bool(self._pattern.search(words))

    def _has(self, name: str) -> bool:
        return self.in_words(_words_of_name(name))

    def _stand_in(self, label: str) -> bool:
        return any(map(self._has_known, label[:_LONGEST_LABEL].split()))


def names(table: str) -> Names:
    """Names that have whole words of a table; its hyphen is an optional boundary."""
    return Names(rf"(?:^|-){any_of(table).replace('-', '-?')}(?=-|$)")


def whole_names(table: str) -> Names:
    """As `names`, but each alternative is a whole class name ("label-hidden" is not "hidden")."""
    return Names(rf"(?:^|--){any_of(table).replace('-', '-?')}(?=--|$)")


_KINDS = {
    # Other stories.
    "furniture": names(
        r"""
        related | recommend(?:ed|ations?|er)? | recirc(?:ulation)? | suggest(?:ed|ions?)
        read-more | read-next | also-(?:read|like) | see-also | you-may | further-reading | onward
        more-(?:stories|news|from|on|in|articles|posts|links) | link-list | interesting
        most-(?:read|popular|viewed|recent|shared) | popular | trending | latest(?:-\w+)?
        recent-(?:posts|articles|news|stories) | next-(?:article|post|story)
        prev(?:ious)?-(?:article|post|story) | post-(?:navigation|nav)
        teasers? | teaser-\w+ | outbrain | taboola | zergnet | revcontent | mgid
        jp-relatedposts | yarpp\w* | crp-related | news-ticker
        wp-embedded-content | twitter-tweet | instagram-media | tiktok-embed | fb-post
        relacionad[ao]s? | weitere | mehr-zum-thema | empfehlung(?:en)? | similar\w*
        leia-mais | veja-tambem | lire-aussi | a-lire | lees-ook | leggi-anche
        """
    ),
    # The site around the article.
    "page": names(
        r"""
        nav | navbar | navigation | menus? | submenu | sub-nav | top-bar | breadcrumbs?
        masthead | site-(?:header|footer|nav) | page-footer | global-(?:header|footer|nav)
        colophon | footer | foot | side-bars? | rail | right-(?:col|column|rail)
        skip-(?:link|to-\w+|nav) | search(?:-(?:form|box|bar))? | pagination | pager | paging
        toolbar | off-canvas | drawer | mega-menu | sitemap | copyright
        language-(?:switcher|selector) | app-(?:banner|promo) | back-to-top
        """
    ),
    # What it wants of its reader.
    "service": names(
        r"""
        news-letters? | news-letter-\w* | subscri(?:be|ption|bers?) | sign-up | mailing
        mc-embed | mailchimp | opt-in | log-in | register | registration | paywall-\w+
        donat(?:e|ion) | membership | pop-ups? | popup\w* | modals? | lightbox | overlays?
        dialog | toast | notification | rollover | tool-tips? | popover
        """
    ),
    "consent": names(
        r"""
        cookies? | cookie-\w+ | consent | consent-\w+ | gdpr | ccpa | onetrust\w* | ot-sdk\w*
        ot-main-content | didomi\w* | cmp-(?:banner|container|modal|ui)\w* | sp-message | qc-cmp\w*
        privacy-(?:banner|wall)
        """
    ),
    "share": names(
        r"""
        shares? | sharing | share-\w+ | share-daddy | sd-sharing | socials? | social-\w+
        addthis\w* | addtoany\w* | a2a | follow-us | follow | bookmark | print-button
        reactions? | ratings? | votes? | likes | like-button | action-bar | tools
        article-tools | post-tools | utility | utilities
        """
    ),
    "ad": names(
        r"""
        ads? | adv | advert\w* | adslot | ads-by-google | dfp | gpt-ad\w*
        ad-(?:slot|unit|container|wrapper|wrap|label|box|block|banner|zone)\w*
        banners? | sponsor(?:ed|s)? | promos? | promotion\w* | promoted | commercial
        affiliate\w* | marketing | werbung | anzeige | publicidad\w* | pub | td-a-rec\w*
        google-auto-placed | code-block
        """
    ),
    # What readers say.
    "talk": names(
        r"""
        comments? | comment-\w+ | comentarios | kommentare? | disqus\w* | respond | reply
        replies | discussion | livefyre\w* | viafoura\w* | spot-im | coral | fb-comments
        responses | forum | web-mentions? | ping-backs? | track-backs?
        """
    ),
    "byline": names(
        r"""
        by-line\w* | by-lines | authors? | about-(?:the-)?author | bio | contributors? | credits?
        author-(?:box|bio|info|name|card|profile|details|meta|description|section|block)
        author-(?:area|container|wrapper|list) | post-author | article-author
        date-line | date | date-time | time-stamp | pub-date | published | publish-date
        post-date | entry-date | posted-on | entry-meta | post-meta | article-meta
        article-info | meta-info | post-info | story-meta | metadata | meta | submitted
        read(?:ing)?-time | min-read | views | view-count | kicker | eyebrow | overline
        post-categor(?:y|ies) | entry-categor(?:y|ies) | cat-links
        """
    ),
    "tags": names(
        r"""
        tags | tag-(?:list|links|cloud|cloud\w*|s-list|container|wrapper) | tagged | post-tags
        article-tags | entry-tags | td-post-source-tags | keywords | topics | topic-list
        hashtags | labels | post-labels | entry-footer | post-footer | article-footer
        story-footer
        """
    ),
    "caption": names(
        r"""
        captions? | wp-caption-text | cutline | legend | credit | bildunterschrift | copyright
        (?:image|img|photo|picture|figure|fig|media|gallery)-(?:caption|credits?|desc\w*|legend)
        (?:image|img)-(?:source|info|copyright|text)
        """
    ),
    "quote": names(r"pull-quotes? | pull-quote-\w+ | quote-box | zitat-box"),
    "gallery": names(
        r"""
        gallery | galleries | slide-show\w* | carousel\w* | slider | swiper\w* | scroller
        photo-gallery | image-gallery | slick-\w+
        """
    ),
    "hidden": whole_names(
        r"""
        sr-only | visually-hidden | screen-reader(?:-text)? | screenreader\w* | hidden | hide
        is-hidden | u-hidden | d-none | invisible | no-print | print-only | only-print
        """
    ),
}
_BODY = names(
    r"""
    article-(?:body|content|text|copy|main|page-body) | entry-content | story-(?:body|content|text)
    post-(?:content|body|text|entry) | story-copy | body-(?:copy|text|content)
    content-(?:body|text|article) | main-(?:content|text) | td-post-content | rich-text
    text-(?:body|content) | news-(?:body|content|text) | detail-(?:body|content|text)
    single-(?:content|post) | field-name-body | field--name-body | node-content
    artikel-(?:text|body|inhalt) | texto | cuerpo | noticia | corps | corpo | haber | honbun
    """
)
_BOX = names(
    r"""
    box | \w+box | bio | cards? | embed\w* | expand\w* | accordion\w* | facts? | fact-\w+ | about
    disclaimer\w* | testimon\w* | call-out | info-\w+ | faq | wp-author\w* | profile | widget
    poll | quiz | boiler-?plate | dossier | chart\w* | infographic | video-\w+ | podcast-\w+
    """
)
_STANDFIRST = names(
    r"""
    stand-first | dek | deck | sub-(?:title|head|headline|heading|hed) | lede? | lead
    lead-(?:text|in|paragraph) | article-(?:summary|intro|lead|description|excerpt|dek|subtitle)
    summary | intro | introduction | introtext | excerpt | abstract | strap(?:line)?
    chapo | chapeau | sommario | occhiello | entradilla | bajada | copete | linha-fina | gancho
    vorspann | anriss | teaser-text | ingress | spot | podtitulek | perex | zajawka
    """
)


@lru_cache(_REMEMBERED)
def _words_of_name(name: str) -> str:
    """A class name as lower-case words joined by hyphens; empty for slugs of whole headlines."""
    words = _NOT_WORD.sub("-", _CAMEL.sub("-", name).lower()).strip("-")
    return _WITH.sub("", words) if words.count("-") < _LONGEST_NAME else ""


def words_of(label: str) -> str:
    """Class names and id as lower-case words joined by hyphens, names parted by two."""
    return "--".join(map(_words_of_name, label[:_LONGEST_LABEL].split()))


_PRIORITY = {kind: place for place, kind in enumerate(_KINDS)}


@lru_cache(_REMEMBERED)
def _kind_of_name(name: str) -> str:
    words = _words_of_name(name)
    return next((kind for kind, sort in _KINDS.items() if sort.in_words(words)), "")


@lru_cache(_REMEMBERED)
def kind_of(label: str) -> str:
    """Which sort of furniture the names of an element tell of; empty when none."""
    kinds = {_kind_of_name(name) for name in label[:_LONGEST_LABEL].split()} - {""}
    return min(kinds, key=lambda kind: _PRIORITY[kind], default="")


def names_body(label: str) -> bool:
    """Whether the names say that this holds the article's text."""
    return _BODY.stand_in(label)


def names_box(label: str) -> bool:
    """Whether the names tell of something set apart from the text: a fact box, a profile."""
    return _BOX.stand_in(label)


def names_standfirst(label: str) -> bool:
    """Whether the names say that this is a summary below the headline."""
    return _STANDFIRST.stand_in(label)


def starts(table: str) -> re.Pattern[str]:
    """A pattern for lines that start with one of a table's alternatives."""
    return re.compile(rf"^\W*{any_of(table)}", re.IGNORECASE)


_ALSO_READ = starts(
    r"""
    also (?:read|see|watch|on|in)\b
    (?:must |don'?t miss|read|see|watch|learn|find out) (?:also|more|next|the full|our|related)\b
    read\s*[:|] | related\s*: | up next | next up | see also | further reading | now read
    more(?: on this| from| stories| about| in)\b.{0,40}[:|]?$
    related (?:articles?|stories|story|news|reading|content|posts?|links?|coverage|topics?|video)
    you (?:may|might) (?:also )?(?:like|be interested|enjoy|want)
    recommended(?: for you| stories| reading|:) | trending(?: now|:) | most (?:read|popular|viewed)
    editor'?s? (?:picks?|choice) | in case you missed | don'?t miss | watch(?: now| next|:)
    listen(?: now| to|:) | from the archives? | top stories | what to read next
    more (?:stories|news|articles|headlines|coverage|like this) | latest (?:news|stories|posts)
    dig deeper | go deeper | explore more
    lesen sie (?:auch|hier|mehr|dazu|weiter) | lies (?:auch|hier|mehr) | siehe auch | passend dazu
    mehr (?:zum thema|dazu|lesen|aus|über|von|nachrichten) | auch interessant | weiterlesen
    das könnte (?:sie|dich) | hier (?:lesen|geht) | zum thema | lesetipps? | empfehlungen
    weitere (?:artikel|themen|nachrichten|infos|informationen|meldungen|beiträge) | meistgelesen
    aktuelle nachrichten | dazu passt | ebenfalls (?:interessant|lesenswert) | verwandte
    lire (?:aussi|également|la suite) | à lire(?: aussi)? | lisez aussi | voir aussi | à voir\b
    sur le même sujet | pour aller plus loin | articles? (?:liés|similaires|recommandés)
    notre dossier | écoutez aussi
    le[ae] (?:también|además|más) | leer (?:también|más) | [tl]e puede interesar | sigue leyendo
    puedes? (?:leer|interesar) | (?:ver|vea|mira) también | te recomendamos | además\s*:
    más (?:información|noticias|sobre|en\b) | también (?:lee|puedes|te) | relacionad[oa]s?
    noticias? relacionadas? | notícias relacionadas | mais lidas | recomendad[oa]s
    (?:leia|veja|confira) (?:também|mais) | saiba mais | assista | ouça
    leggi (?:anche|pure|tutto) | (?:vedi|guarda) anche | approfondi(?:sci|menti) | per approfondire
    (?:ti )?potrebbe interessarti | ti potrebbe interessare | articoli correlati
    lees (?:ook|verder|meer|hier) | (?:bekijk|zie|luister) ook | gerelateerd
    meer (?:over|nieuws|lezen)
    läs (?:också|även|mer) | l[eæ]s (?:også|mere?) | se (?:også|även) | mer om
    lue (?:myös|lisää) | katso myös
    (?:prze)?czytaj (?:też|także|więcej|również) | zobacz (?:też|także|również|więcej) | polecamy
    więcej (?:na ten temat|informacji) | čtěte (?:také|více|též) | přečtěte si | mohlo by vás
    souvisejíc[íi] | viac | čítajte | prečítajte | olvassa | kapcsolódó | ez is érdekel
    citește (?:și|mai) | vezi și | citiți și | pročitajte | pogledajte | opširnije | preberite
    читайте (?:также|ещё|еще|подробнее|також) | читать (?:также|далее|ещё|подробнее) | по теме
    смотрите (?:также|видео) | подробнее | материалы по теме | ещё по теме | рекомендуем
    також читайте | дивіться також | більше новин | прочетете | вижте (?:още|също)
    διαβάστε (?:επίσης|ακόμη|ακόμα|περισσότερα) | δείτε (?:επίσης|ακόμη|ακόμα)
    ayrıca (?:bakınız|oku) | bunu da oku | ilgili haber | devamını oku | haberin devamı
    ilginizi çekebilir | baca (?:juga|selengkapnya) | (?:lihat|simak) juga | artikel terkait
    xem thêm | đọc thêm | tin liên quan | soma (?:pia|zaidi) | basahin
    [اإ]قرأ? (?:أيضا|أيضًا|ايضا|المزيد|كذلك) | شاهد (?:أيضا|أيضًا|ايضا) | ذات صلة | للمزيد
    (?:مواضيع|أخبار) (?:ذات|متعلقة) | قد يهمك | المزيد من
    مزید (?:پڑھیں|پڑھئے|پڑھیے|خبریں|جانیں) | یہ بھی (?:پڑھیں|پڑھئے|پڑھیے|دیکھیں)
    متعلقہ (?:خبریں|مضامین)
    بیشتر بخوانید | همچنین بخوانید | مطالب (?:مرتبط|مشابه|پیشنهادی) | اخبار مرتبط
    در همین (?:زمینه|رابطه|باره) | خبرهای مرتبط | نور ولولئ | دا هم ولولئ | نور ولولی | اړوند
    نور خبرونه
    (?:यह|ये) भी (?:पढ़ें|पढ़ें|देखें) | (?:इसे भी|और|आगे) (?:पढ़ें|पढ़ें) | संबंधित
    (?:पढ़ें|पढ़ें)\s*[:-]
    আর[ওো]ো? (?:পড়ুন|পড়ুন|খবর) | এটিও (?:পড়ুন|পড়ুন) | மேலும் (?:படிக்க|வாசிக்க)
    ఇవి కూడా | ఇది కూడా | ഇതും വായിക്കുക
    関連(?:記事|ニュース|リンク|項目|トピック) | [あ合]わせて読み | こちらも | おすすめ(?:記事)?
    続きを読む | 【(?:関連|あわせて)
    相[关關](?:新闻|阅读|文章|报道|链接|新聞|閱讀|報導) | 延伸[閱阅][讀读] | 推[荐薦][阅閱][读讀]
    更多(?:新闻|新聞|阅读) | (?:관련|추천)\s?(?:기사|뉴스|글) | 함께\s?(?:본|볼|읽)
    อ่านเพิ่มเติม | ข่าวที่เกี่ยวข้อง | อ่าน(?:ข่าว|ต่อ)
    """
)
"""The start of a line that points to another story."""

_SERVICE = starts(
    r"""
    advertise?ments? | advertisment | anzeige | werbung | publicidad | publicité | pubblicità
    publicidade | reklama?\b | реклама | إعلان | اشتہار | (?:आगे )?विज्ञापन | 広告 | 广告 | 廣告
    story continues below | article continues (?:below|after) | continues after | loading
    (?:continue|keep) reading(?: below)? | scroll (?:down )?(?:to|for) | skip (?:to|advert)
    sign up (?:for|to|here|now|today) | subscribe (?:to|now|here|today) | log ?in | sign in
    get (?:our|the latest|the best|breaking|more|unlimited) | join (?:our|us on|the conversation|\d)
    follow (?:us|him|her|me|the)\b | follow (?:[\w.]+ ){0,3}(?:@|on twitter)
    already a subscriber | register
    (?:share|tweet|email|print|comments?|reply|like|save|bookmark|copy link|facebook|twitter)\W*$
    (?:whatsapp|linkedin|pinterest|telegram|reddit|messenger|google news)\W*$
    share (?:this|on|via|the) | click (?:here|to|on) | (?:download|install) (?:the|our)
    support (?:our|us|independent) | donate | become a (?:member|subscriber|supporter)
    e-?mail (?:[\w.]+ ){1,3}at\b | original article on | you can (?:find|follow|reach|contact)
    all rights reserved | copyright | © | \(c\) ?\d{4}
    this (?:article|story|post|piece) (?:was |is |has been )?(?:originally|first)\b
    this (?:article|story) (?:is|was) (?:provided|produced|supported|syndicated|adapted|sponsored)
    (?:tags?|topics?|filed under|categories|category|labels|schlagwörter|stichworte)\s*[:：]
    (?:themen|mots[- ]clés|etiquetas|tópicos|теги|метки|タグ|标签|posted in)\s*[:：]
    (?:photo|image|picture|photograph|fotos?|bild|credit|getty|video)\s*(?:credit|courtesy|source)
    (?:photo|image|picture|photograph|fotos?|bild|credit|getty|video)\s*(?:by\b|:|©)
    newsletter | abonnieren sie | jetzt (?:anmelden|abonnieren|testen|lesen) | folgen sie
    melden sie sich | suscríbete | suscribirse | s'abonner | abonnez-vous | inscrivez-vous
    iscriviti | assine | inscreva-se | siga (?:o|a|nos|no)\b | síguenos | sigue (?:a|nuestr)
    seguici | подпис(?:ывайтесь|аться|ывайся)
    (?:additional )?(?:reporting|writing|editing) by\b
    leave a (?:comment|reply) | (?:post|write) a comment | view (?:all )?comments | load more
    show (?:more|all|comments) | view (?:gallery|more|all)
    """
)
"""The start of a line that sells, asks or credits."""

_CREDIT = re.compile(
    r"[(\[](?:image|photo|picture|pic|fotos?|bild|credit|source|file)\b[^)\]]{0,80}[)\]]\W*$|"
    r"(?:[/|©–—-]|\bby\b|\bvia\b)\s*(?:AFP|AP|Reuters|REUTERS|Getty|EPA|dpa|Shutterstock|iStock|"
    r"Imago|imago|IMAGO|Alamy|ANI|PTI|picture alliance)\b[^.]{0,40}$"
)
"""The end of a caption: who took the picture."""

_BYLINE = starts(
    r"""
    (?:by|von|par|por|di|door|av|af|autor(?:in)?|text|written by|reported by)\b
    (?:posted (?:by|on)|published|updated|last (?:updated|modified)|veröffentlicht|aktualisiert)\b
    (?:stand|publié|publicado|actualizado|pubblicato|опубликовано|автор)\b
    """
)


_REFERENCES = re.compile(
    r"^\W*(?:references|notes|notes and references|sources|bibliography|footnotes|works cited|"
    r"quellen|einzelnachweise|literatur|références|notes et références|referencias|fontes|"
    r"bibliografia|źródła|примечания|источники|منابع|مراجع|参考文献|脚注)\b.{0,30}$",
    re.IGNORECASE,
)


def opens_references(text: str) -> bool:
    """Whether a heading opens the list of a text's sources, where links are part of the text."""
    return bool(_REFERENCES.match(text))


def points_elsewhere(text: str) -> bool:
    """Whether a line starts as lines do that lead to another story ("Also read: …")."""
    return bool(_ALSO_READ.match(text))


def is_service(text: str) -> bool:
    """Whether a line starts as advertising, newsletter, share and credit lines do."""
    return bool(_SERVICE.match(text))


def is_credit(text: str) -> bool:
    """Whether a line ends as captions do, in the name of who took the picture."""
    return bool(_CREDIT.search(text))


def is_byline(text: str) -> bool:
    """Whether a short line starts as bylines and datelines do."""
    return bool(_BYLINE.match(text))
