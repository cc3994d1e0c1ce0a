"""The words dates are written with, and the folding that makes their spellings alike.

Month names: Unicode CLDR (wide and abbreviated, as printed in dates and standing alone) for 85
locales, plus spellings seen in news of the region. Every list is folded when it is loaded.
"""

import re
import unicodedata

_MARKS = re.compile(
    "[\u00ad\u0300-\u036f\u0591-\u05c7\u061c\u0640\u064b-\u065f\u0670\u093c\u09bc\u0a3c"
    "\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_LETTERS = str.maketrans(
    "يىېۍئكګةۀہھۃأإآٱؤټډıłđø\u2010\u2011\u2012\u2013\u2014\u2212\u066b\u060c",
    "یییییکگهههههااااوتدildo------:,",
)


def fold(text: str) -> str:
    """Lower case, ASCII digits, no accents, vowel points or joiners; one form of each letter."""
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).translate(_LETTERS)
    text = unicodedata.normalize("NFKC", text)
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)


def _numbered(lists: tuple[str, ...]) -> dict[str, int]:
    return {
        fold(word).replace("_", " "): number
        for number, words in enumerate(lists, 1)
        for word in words.split()
    }


GREGORIAN_MONTHS = _numbered(
    (
        """
        da_schaner de_gen de_gener ean eanair ene enero gen gener gennaio ian ianuarie ion ionawr
        jaan jaanuar jan janaayo janairu janar janeiro jannaayo jannar janner jannewaris januar
        januara januari januarie january januwari janv janvaris janvier jen jenuwari led leden ledna
        oca ocak osu_sere rbn rebendan saus sausio sausis schan schaner sij sijecanj sijecnja sty
        styczen stycznia tammi tammikuu tammikuuta urt urtarrila xan xaneiro yan yanvar yanwar ιαν
        ιανουαριοσ ιανουαριου нэгдүгээр_сар сту студзень студзеня січ січень січня янв январ январь
        января яну януари јан јанвар јануар јануари қаң қаңтар հնվ հունվար հունվարի ינואר ינו׳ جانفی
        جنو جنوری ژانویه کانون_الثانی کانوونی_دووەم یانۋار ینایر जन जनवरी जाने जानेवारी জানু
        জানুযারি জানুযারী জানুৱাৰী ਜਨ ਜਨਵਰੀ જાન્યુ જાન્યુઆરી ଜାନୁଆରୀ ஜன ஜனவரி జన జనవరి ಜನ ಜನವರಿ ജനു
        ജനുവരി ජන ජනවාරි ม_ค มกราคม ມ_ກ ມັງກອນ ဇန် ဇန်နဝါရီ იან იანვარი ጃን ጃንዋሪ មករា
        """,
        """
        chw chwef chwefror da_favrer de_febr de_febrer fab faburairu favr favrer feabh feabhra feb
        febbraio febr febraayo febreiro febrer febrero febrewaris februar februara februari
        februarie februaris february februwari fev fevereiro fevr fevral fevrier few fewral fra frar
        helmi helmikuu helmikuuta lut lutego luty osu_erele ots otsaila peb pebrero sbt shk shkurt
        sibat sub subat uno unor unora vas vasario vasaris veebr veebruar velj veljaca veljace φεβ
        φεβρουαριοσ φεβρουαριου ақп ақпан лют лютага лютии лютого люты феб фебруар фев февр феврал
        февраль февраля февруари хоердугаар_сар փետրվար փետրվարի փտվ פברואר פבר׳ شباط شوبات فبر
        فبرایر فبروری فروری فوریه فیبروری فیفری فیۋرال फर फरवरी फेब्रु फेब्रुअरी फेब्रुवारी ফেব
        ফেব্রুযারি ফেব্রুযারী ফেব্ৰু ফেব্ৰুৱাৰী ਫਰ ਫਰਵਰੀ ફેબ્રુ ફેબ્રુઆરી ଫେବୃଆରୀ பிப் பிப்ரவரி
        ఫిబ్ర ఫిబ్రవరి ಫೆಬ್ರ ಫೆಬ್ರವರಿ ഫെബ്രു ഫെബ്രുവരി පෙබ පෙබරවාරි ก_พ กุมภาพันธ์ ກ_ພ ກຸມພາ ဖေ
        ဖေဖော်ဝါရီ თებ თებერვალი ፌብ ፌብሩዋሪ កុម្ភៈ
        """,
        """
        adar adr bre brezen brezna da_mars de_marc kov kovas kovo maa maachi maalis maaliskuu
        maaliskuuta maarso maart mac machi mae maerz mar marc marca march marcius marco marec maret
        maris mars marso mart marta martie marts martxoa marz marzec marzo marzu mas mashi maw
        mawrth mrt osu_erena ozu ozujak ozujka μαρ μαρτιοσ μαρτιου бер березень березня
        гуравдугаар_сар мар март марта нау наурыз сак сакавік сакавіка մարտ մարտի մրտ מרץ اذار مار
        مارت مارس مارچ یازار मार्च মার্চ মাৰ্চ ਮਾਰਚ માર્ચ ମାର୍ଚ୍ଚ மார் மார்ச் మార్చి ಮಾರ್ಚ್ മാർ
        മാർച്ച് මාර් මාර්තු มี_ค มีนาคม ມ_ນ ມີນາ မတ် მარ მარტი ማርች មីនា
        """,
        """
        abr abrell abriil abril afi afirilu aib aibrean api apirila apr aprel april aprila aprile
        aprili aprilie aprilis aprill avr avrigl avril bal balandis balandzio d_abr d_abril d_avrigl
        dub duben dubna ebr ebrill eph ephreli epr epreel huhti huhtikuu huhtikuuta kwi kwiecien
        kwietnia nis nisan nsn osu_igbe pri prill tra travanj travnja απρ απριλιοσ απριλιου апр
        апрел апрель апреля април дөрөвдүгээр_сар квіт квітень квітня кра красавік красавіка сәу
        сәуір ապր ապրիլ ապրիլի אפריל אפר׳ ابریل افریل اوریل اپر اپریل نیسان یاپریل अप्रिल अप्रेल
        अप्रैल आप्रेल एप्रि एप्रिल এপ্রি এপ্রিল এপ্ৰিল ਅਪ੍ਰੈ ਅਪ੍ਰੈਲ એપ્રિલ ଅପ୍ରେଲ ஏப் ஏப்ரல் ఏప్రి
        ఏప్రిల్ ಏಪ್ರಿ ಏಪ್ರಿಲ್ ഏപ്രി ഏപ്രിൽ අප්රේල් เม_ย เมษายน ມ_ສ ເມສາ ဧပြီ აპრ აპრილი ኤፕሪ ኤፕሪል
        មេសា
        """,
        """
        beal bealtaine da_matg de_maig geg geguze geguzes gln gulan kve kveten kvetna maaie maayo
        mag maggio mai maiatza maig maijs maio maj maja majus matg may mayis mayo mayu mee mei mej
        mejju mey meyi osu_ebibi svi svibanj svibnja touko toukokuu toukokuuta μαι μαιοσ μαιου маи
        мам мамыр мая мај тавдугаар_сар трав травень травня մայիս մայիսի մյս מאי ایار مای مایو مه می
        میی یایار मई मे মে ਮਈ મે ମଇ மே మే ಮೇ മേയ് මැයි พ_ค พฤษภาคม ພ_ພ ພຶດສະພາ မေ მაი მაისი ሜይ ឧសភា
        """,
        """
        birz birzelio birzelis cerven cervna cvn cze czerwca czerwiec da_zercladur de_juny eka
        ekaina giu giugno gun gunju haz haziran heziran hun hunyo hzr iun iunie iyn iyun juin jun
        juna june junho juni junie junij junijs junio junius juny juu juun juuni kesa kesakuu
        kesakuuta lipanj lipnja meh mehefin meith meitheamh osu_okudu qer qershor xuno yun yuni
        zercl zercladur ιουν ιουνιοσ ιουνιου зургаадугаар_сар июн июнь июня ијн ијун мау маусым черв
        червень червня чэр чэрвень чэрвеня юни јун јуни հնս հունիս հունիսի יוני جوان جون حزیران
        حوزەیران ژوین یونیه یونیو یییۇن जुन जून জুন ਜੂਨ જૂન ଜୁନ ஜூன் జూన్ ಜೂನ್ ജൂൺ ජූනි มิ_ย
        มิถุนายน ມິ_ຖ ມິຖຸນາ ဇွန် ივნ ივნისი ጁን មិថុនា
        """,
        """
        cervence cervenec cvc da_fanadur de_jul de_juliol fan fanadur gor gorff gorffennaf heina
        heinakuu heinakuuta hul hulyo iuil iul iulie iyl iyul juil juillet jul jula julai julayi
        julho juli julie julij julijs julio juliol julius july juuli korr korrik liep liepa liepos
        lipca lipiec lug luglio lul lulju luulyo osu_agemo srpanj srpnja tem temmuz tirmeh trm uzt
        uztaila xul xullo yul yuli ιουλ ιουλιοσ ιουλιου долоодугаар_сар июл июль июля ијл ијул лип
        липень липня ліп ліпень ліпеня шіл шілде юли јул јули հլս հուլիս հուլիսի יולי تموز تەمووز
        جول جولاء جولای جولایی جویلیه ژوییه یولیه یولیو یولیوز یییۇل जुल जुलाई जुलै জুল জুলাই ਜੁਲਾ
        ਜੁਲਾਈ જુલાઈ ଜୁଲାଇ ஜூலை జులై ಜುಲೈ ജൂലൈ ජූලි ก_ค กรกฎาคม ກ_ລ ກໍລະກົດ ဇူ ဇူလိုင် ივლ ივლისი ጁላይ
        កក្កដា
        """,
        """
        abu abuztua ag aga agasti ago agost agosti agosto agu agust agusta agustos agustus aout aug
        august augusta augusti augusts augustus augusztus avg avgust avq avqust avust awg awgust
        awst aww awwissu d_ag d_agost d_avust elo elokuu elokuuta gush gusht kol kolovoz kolovoza
        lun lunasa ogo ogoost ogos ogosto ogs osu_ogun rugp rugpjucio rugpjutis sie sierpien
        sierpnia srpen srpna tbx tebax αυγ αυγουστοσ αυγουστου авг август августа ауг аугуст жні
        жнівень жніуня наимдугаар_сар серп серпень серпня там тамыз օգոստոս օգոստոսի օգս אוגוסט אוג׳
        اب اغسطس اوت اگس اگست اگسٽ اگوست غشت یاب یاۋغۇست अग अगस्ट अगस्त ऑग ऑगस्ट অগস্ট আগ আগষ্ট
        আগস্ট ਅਗ ਅਗਸਤ ઑગસ્ટ ଅଗଷ୍ଟ ஆக ஆகஸ்ட் ఆగ ఆగస్టు ಆಗ ಆಗಸ್ಟ್ ഓഗ ഓഗസ്റ്റ് අගෝ අගෝස්තු ส_ค สิงหาคม
        ສ_ຫ ສິງຫາ ဩဂုတ် აგვ აგვისტო ኦገስ ኦገስት សីហា
        """,
        """
        da_settember de_set de_setembre eyl eylul iln ilon ira iraila mean_fomhair medi mfomh
        osu_owewe rugs rugsejis rugsejo ruj rujan rujna sat satumba seb sebteembar sebtembar sen
        sentabr sentyabr sep sept septemba septembar september septembra septembre septembrie
        septembris septhemba septiembre septimber set setembre setembro setiembre sett settember
        settembre settembru setyembre sht shtator syys syyskuu syyskuuta szept szeptember wrz
        wrzesien wrzesnia zar zari σεπ σεπτεμβριοσ σεπτεμβριου вер верасень верасня вересень вересня
        есдүгээр_сар сен сент сентябр сентябрь сентября сентјабр сеп септембар септември қыр
        қыркүиек սեպ սեպտեմբեր սեպտեմբերի ספטמבר ספט׳ ایلول سبتمبر ستمبر سپت سپتامبر سپتمبر سینتەبیر
        سیپتمبر سیپٽمبر شتنبر یەیلوول सप्टें सप्टेंबर सित सितंबर सितम्बर सेप्टेम्बर ছেপ্তে
        ছেপ্তেম্বৰ সেপ সেপ্টেম্বর ਸਤੰ ਸਤੰਬਰ સપ્ટે સપ્ટેમ્બર ସେପ୍ଟେମ୍ବର செப் செப்டம்பர் సెప్టెం
        సెప్టెంబర్ ಸೆಪ್ಟೆಂ ಸೆಪ್ಟೆಂಬರ್ സെപ്റ്റം സെപ്റ്റംബർ සැප් සැප්තැම්බර් ก_ย กันยายน ກ_ຍ ກັນຍາ စက်
        စက်တင်ဘာ სექ სექტემბერი ሴፕቴ ሴፕቴምበር កញ្ញា
        """,
        """
        cot cotmeh d_oct d_october d_octubre deireadh_fomhair dfomh eki ekim hyd hydref loka lokakuu
        lokakuuta oct october octobre octombrie octubre okt oktabr okthoba oktoba oktobar oktober
        oktobra oktobris oktoobar oktoober oktubre oktyabr osu_owara ott ottobre ottubru out outubro
        paz pazdziernik pazdziernika rij rijen rijna spal spalio spalis tet tetor urr urria οκτ
        οκτωβριοσ οκτωβριου аравдугаар_сар жовт жовтень жовтня кас кастрычнік кастрычніка окт
        октобар октомври октябр октябрь октября октјабр қаз қазан հոկ հոկտեմբեր հոկտեմբերի אוקטובר
        אוק׳ اوکتوبر اکت اکتبر اکتوبر اڪٽوبر تشرین_الاول تشرینی_یەکەم یۆکتەبیر अक्टू अक्टूबर अक्टोबर
        अक्तूबर ऑक्टो ऑक्टोबर অক্টো অক্টোবর অক্টোবৰ ਅਕਤੂ ਅਕਤੂਬਰ ઑક્ટો ઑક્ટોબર ଅକ୍ଟୋବର அக் அக்டோபர்
        అక్టో అక్టోబర్ ಅಕ್ಟೋ ಅಕ್ಟೋಬರ್ ഒക്ടോ ഒക്ടോബർ ඔක් ඔක්තෝබර් ต_ค ตุลาคม ຕ_ລ ຕຸລາ အောက်
        အောက်တိုဘာ ოქტ ოქტომბერი ኦክቶ ኦክቶበር តុលា
        """,
        """
        aza azaroa da_november de_nov de_novembre kas kasim lapkr lapkricio lapkritis listopad
        listopada listopadu marras marraskuu marraskuuta mijdar mjd nen nentor nob nobyembre nof
        noiembrie noofeembar nov novemba novembar november novembra novembre novembris novembro
        novembru noviembre novimber noy noyabr nuw nuwamba osu_belu samh samhain stu studeni
        studenoga tach tachwedd νοε νοεμβριοσ νοεμβριου арван_нэгдүгээр_сар лист листопад листопада
        ліс лістапад лістапада нов новембар ное ноември ноя нояб ноябр ноябрь ноября ној нојабр қар
        қараша նոյ նոյեմբեր նոյեմբերի נובמבר נוב׳ تشرین_الثانی تشرینی_دووەم نوامبر نوفمبر نوم نومبر
        نونبر نوومبر نویابیر नव नवंबर नवम्बर नोभेम्बर नोव्हें नोव्हेंबर নভে নভেম্বর নৱে নৱেম্বৰ ਨਵੰ
        ਨਵੰਬਰ નવે નવેમ્બર ନଭେମ୍ବର நவ நவம்பர் నవం నవంబర్ ನವೆಂ ನವೆಂಬರ್ നവം നവംബർ නොවැ නොවැම්බර් พ_ย
        พฤศจิกายน ພ_ຈ ພະຈິກ နို နိုဝင်ဘာ ნოე ნოემბერი ኖቬም ኖቬምበር វិច្ឆិកា
        """,
        """
        abe abendua ara aralik berfanbar brf da_december de_des de_desembre dec decembar december
        decembra decembre decembrie decembris decembro dek dekabr des desemba desember desembre
        desimber dets detsember dez dezember dezembro dhj dhjetor dic dicembre dicembru diciembre
        dis disamba diseembar disemba disember disyembre gru grudnia grudzien gruod gruodis gruodzio
        joulu joulukuu joulukuuta noll nollaig osu_ope pro prosinac prosinca prosince prosinec rhag
        rhagfyr δεκ δεκεμβριοσ δεκεμβριου арван_хоердугаар_сар груд грудень грудня дек декабр
        декабрь декабря декември дец децембар жел желтоқсан сне снежань снежня դեկ դեկտեմբեր
        դեկտեմբերի דצמבר דצמ׳ دجنبر دسامبر دسم دسمبر دیسمبر دیکابیر ڊسمبر کانون_الاول کانونی_یەکەم
        डिसें डिसेंबर डिसेम्बर दिस दिसंबर दिसम्बर ডিচে ডিচেম্বৰ ডিসে ডিসেম্বর ਦਸੰ ਦਸੰਬਰ ડિસે
        ડિસેમ્બર ଡିସେମ୍ବର டிச டிசம்பர் డిసెం డిసెంబర్ ಡಿಸೆಂ ಡಿಸೆಂಬರ್ ഡിസം ഡിസംബർ දෙසැ දෙසැම්බර් ธ_ค
        ธันวาคม ທ_ວ ທັນວາ ဒီ ဒီဇင်ဘာ დეკ დეკემბერი ዲሴም ዲሴምበር ធ្នូ
        """,
    )
)
"""Folded name to month 1-12; a name of two words has one space."""

SOLAR_HIJRI_MONTHS = _numbered(
    (
        "حمل وری فروردین hamal farvardin",
        "ثور غویی اردیبهشت sawr saur ordibehesht",
        "جوزا غبرګولی غبرګولى خرداد jawza khordad",
        "سرطان چنګاښ تیر saratan tir",
        "اسد زمری مرداد امرداد asad mordad",
        "سنبله وږی شهریور sunbula sonbola shahrivar",
        "میزان تله مهر mizan mehr",
        "عقرب لړم آبان aqrab aban",
        "قوس لیندۍ لیندی آذر qaws azar",
        "جدی مرغومی دی jadi dey",
        "دلو سلواغه بهمن dalw bahman",
        "حوت کب اسفند hut esfand",
    )
)
"""Afghan (Dari, Pashto) and Iranian names of the Solar Hijri months."""

HIJRI_MONTHS = _numbered(
    (
        "محرم محرم_الحرام muharram",
        "صفر صفر_المظفر safar",
        "ربيع_الأول ربیع_الاول rabi_al_awwal rabi_ul_awwal",
        "ربيع_الآخر ربيع_الثاني ربیع_الثانی rabi_al_thani rabi_us_sani",
        "جمادى_الأولى جمادى_الأول جمادی_الاول جمادی_الاولی jumada_al_awwal jumada_al_ula",
        "جمادى_الآخرة جمادى_الثانية جمادی_الثانی جمادی_الثانیه jumada_al_thani jumada_al_akhirah",
        "رجب رجب_المرجب rajab",
        "شعبان شعبان_المعظم shaban",
        "رمضان رمضان_المبارک ramadan ramzan",
        "شوال شوال_المکرم shawwal",
        "ذو_القعدة ذي_القعدة ذوالقعده ذیقعدہ ذی_قعده ذیقعده dhu_al_qadah dhul_qadah",
        "ذو_الحجة ذي_الحجة ذوالحجہ ذیحجه ذی_حجه ذوالحجه dhu_al_hijjah dhul_hijjah",
    )
)
"""Arabic, Urdu, Persian and Latin spellings of the lunar Hijri months."""


def _folded(words: str) -> frozenset[str]:
    return frozenset(fold(words).split())


FILLERS = _folded(
    "of the de del d di da dia den der le la el al st nd rd th er ος a e o m г года год році рік"
    " gada të ي س ء م ه ش سنة سال کو کال د"
)
"""Words that may stand between the day, the month and the year."""

MORNING = (
    "am", "a.m", "ص", "صباحا", "ق.ظ", "غ.م", "صبح", "öö", "पूर्वाह्न", "सुबह", "পূর্বাহ্ণ", "সকাল", "오전",
    "上午", "午前",
)  # fmt: skip
AFTERNOON = (
    "pm", "p.m", "م", "مساء", "ب.ظ", "غ.و", "شام", "دوپہر", "سہ پہر", "ös", "अपराह्न", "शाम",
    "दोपहर", "অপরাহ্ণ", "বিকাল", "오후", "下午", "午後",
)  # fmt: skip
NIGHT = ("رات", "रात", "রাত")
"""Written before or after the time; a night's hours up to five are those after midnight."""

UNITS = {
    word: seconds
    for seconds, words in (
        (
            60,
            "m min mins minute minutes minuten minuto minutos minuti minuut minuten minut minuty"
            " minuter minutter minuta minutu minutou minutami minuuttia perc"
            " dk dakika منٹ دقیقه دقیقې دقیقو دقيقة دقائق मिनट মিনিট минуту минуты минут"
            " мин хвилин хвилини хвилину phút λεπτά דקות",
        ),
        (
            3600,
            "h hr hrs hour hours std stunde stunden heure heures hora horas ora ore uur uren timme"
            " timmar time timer tunti tuntia godzina godzine godziny godzin hodina hodiny hodin"
            " hodinu hodinou hodinami sat sata sati óra órája oră saat گھنٹہ گھنٹے گھنٹوں ساعت"
            " ساعته ساعتونه ساعة ساعات घंटा घंटे घण्टे ঘণ্টা ঘন্টা"
            " час часа часов години годин годину giờ ώρες שעות",
        ),
        (
            86400,
            "d day days tag tage tagen jour jours día días dia dias giorno giorni dag dagen dagar"
            " dage döger päivä päivää dzień dni den dny dnů dana nap napja zi zile gün دن روز ورځ"
            " ورځې ورځي يوم أيام दिन দিন день дня дней дні днів ngày ημέρες ימים",
        ),
        (
            604800,
            "w wk week weeks woche wochen semaine semaines semana semanas settimana settimane weken"
            " vecka veckor uge uger uke uker viikkoa tydzień tygodnie tygodni týden týdny týdnů"
            " hét hete hafta ہفتہ ہفتے هفته أسبوع أسابيع सप्ताह हफ्ते সপ্তাহ неделю недели недель"
            " тиждень тижні тижнів tuần",
        ),
    )
    for word in fold(words).split()
}
"""Folded word to seconds, in the forms that stand in "3 hours ago"."""

DUALS = {fold("دقيقتين"): 120, fold("ساعتين"): 7200, fold("يومين"): 172800}
"""Arabic duals: the two is in the word."""

AGO = _folded(
    "ago vor hace há atrás fa geleden sedan siden temu před pred prije przed acum sitten ezelőtt"
    " önce پہلے قبل پیش مخکې وړاندې دمخه منذ पहले আগে পূর্বে назад тому trước πριν לפני"
)
DAY_WORDS = {
    word: days
    for days, words in (
        (0, "today heute hoy hoje oggi vandaag idag dziś dnes danas bugün آج امروز نن اليوم आज আজ"),
        (0, "сегодня сьогодні"),
        (1, "yesterday gestern hier ayer ontem ieri gisteren igår wczoraj včera jučer dün دیروز"),
        (1, "پرون أمس গতকাল вчера вчора"),
    )
    for word in fold(words).split()
}
"""Folded word to days before the day of fetching; without kal, which is also "tomorrow"."""

_HOUR = 3600
ZONES = {
    name: int(hours * _HOUR)
    for hours, names in (
        (0, "z ut utc gmt wet"),
        (1, "bst cet west wat"),
        (2, "cest eet sast cat"),
        (3, "msk eest eat trt"),
        (3.5, "irst"),
        (4, "gst"),
        (4.5, "aft"),
        (5, "pkt uzt tjt"),
        (5.5, "ist slst"),
        (5.75, "npt"),
        (6, "bdt btt"),
        (6.5, "mmt"),
        (7, "wib ict"),
        (8, "hkt sgt myt awst pht wita"),
        (9, "jst kst wit"),
        (9.5, "acst"),
        (10, "aest"),
        (10.5, "acdt"),
        (11, "aedt"),
        (12, "nzst"),
        (13, "nzdt"),
        (-2.5, "ndt"),
        (-3.5, "nst"),
        (-3, "adt brt art"),
        (-4, "edt"),
        (-5, "est cdt"),
        (-6, "cst mdt"),
        (-7, "mst pdt"),
        (-8, "pst akdt"),
        (-9, "akst"),
        (-10, "hst"),
    )
    for name in names.split()
}
"""Zone name to seconds east of UTC. Where names clash (IST, BST, CST) the source's zone decides."""

REGIONS = {"et": "America/New_York", "ct": "America/Chicago", "pt": "America/Los_Angeles"}
"""Zone names that say nothing of summer time."""

LOCAL_ZONE_NAMES = {
    "pst": {"Asia/Karachi", "Asia/Manila"},
    "bst": {"Asia/Dhaka"},
    "ast": {"Asia/Riyadh", "Asia/Baghdad", "Asia/Kuwait", "Asia/Qatar", "Asia/Aden"},
    "npt": {"Asia/Kathmandu"},
    "gst": {"Asia/Dubai"},
}
"""Names with another meaning in the zone of the source than in ZONES; those of tzdata are known."""

MONTH_FIRST_ZONES = ("America/", "US/", "Pacific/Honolulu")
"""Zones in which 03/04/2026 is read as March 4 …"""
DAY_FIRST_ZONES = (
    "America/Argentina", "America/Bogota", "America/Buenos_Aires", "America/Caracas",
    "America/Guayaquil", "America/Havana", "America/La_Paz", "America/Lima", "America/Mexico_City",
    "America/Montevideo", "America/Asuncion", "America/Santiago", "America/Sao_Paulo",
)  # fmt: skip
"""… but for these of the Americas."""
