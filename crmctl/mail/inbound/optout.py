"""Whether somebody says, in their own new words, that they want no more mail. Words in a quoted footer do not count."""

from __future__ import annotations

import re

SURE = "sure"
PERHAPS = "perhaps"

# What says it when it is all that a line says, by language. Sources: the words that 47 CFR 64.1200(a)(10) lists for
# messages (stop, quit, end, revoke, opt out, cancel, unsubscribe), and what mailing list programs understand.
_ALONE = {
    "en": "stop, stop all, stopall, quit, end, revoke, opt out, opt-out, optout, cancel, unsubscribe, unsubscribe me, "
    "unsub, unsubscribed, please unsub, "
    "unsubscribe please, remove, remove me, please remove, please remove me, please unsubscribe, "
    "please unsubscribe me, stop please, please stop, no more emails, no more mails, no more mail, take me off",
    "de": "abmelden, abmeldung, abbestellen, austragen, stopp, bitte abmelden, bitte austragen, bitte abbestellen, "
    "keine werbung, keine mails mehr, keine e-mails mehr, newsletter abmelden, newsletter abbestellen, bitte löschen",
    "fr": "désabonner, desabonner, désinscrire, desinscrire, désinscription, désabonnement, arrêt, arret, "
    "désabonnez-moi, désinscrivez-moi, me désabonner, me désinscrire, plus de mails, plus de mail",
    "es": "baja, darme de baja, dar de baja, cancelar suscripción, cancelar suscripcion, no más correos, parar",
    "it": "cancellami, disiscrivimi, disiscrizione, annulla iscrizione, cancellazione, basta mail, basta email",
    "nl": "afmelden, uitschrijven, stop mail, geen mail meer, graag afmelden, meld mij af",
    "pt": "cancelar, descadastrar, remover, cancelar inscrição, sair da lista, não quero mais emails",
    "pl": "wypisz, wypisz mnie, rezygnuję, proszę o wypisanie, koniec",
    "sv": "avsluta, avregistrera, avprenumerera, sluta, inga fler mejl",
    "da": "afmeld, afmeld mig, frameld, ingen flere mails",
}
# What says it within a sentence.
_PHRASES = {
    "en": r"unsubscribe me|(?:remove|delete|take) (?:me|my (?:e-?mail )?address|us) (?:off|from) (?:your|this|the|"
    r"all|any)"
    r"|(?:stop|quit) (?:sending|mailing|e-?mailing|writing to|contacting|spamming) (?:me|us)"
    r"|do(?: not|n['’]?t) (?:e-?mail|contact|mail|write to|message) (?:me|us) (?:again|any ?more|any longer|ever)"
    r"|no longer (?:want|wish) to (?:receive|get) (?:your|these|any|this|such|e-?mail|mail)"
    r"|(?:do not|don['’]?t) (?:want|wish) (?:to (?:receive|get) )?(?:any ?more |any further |your |"
    r"these )+(?:e-?mails|mails?|newsletters?)"
    r"|opt me out|opting out of (?:your|these|all)|(?:withdraw|revoke) my consent"
    r"|i(?:['’]d like| would like| want| wish) to (?:unsubscribe|opt out)|leave (?:me|us) alone"
    r"|(?:remove|delete|take) (?:my|our) (?:e-?mail|name|address)"
    r"|(?:delete|erase|remove) (?:all )?(?:of )?my (?:personal )?(?:data|information|account|details)"
    r"|(?:^|[.!?,;] )(?:please,? )?no more (?:e-?mails?|mails?|messages|newsletters?|advertising)",
    "de": r"(?:bitte|möchte(?:n)?|will|wollen).{0,30}(?:mich|uns|meine (?:e-?mail-?)?adresse|den newsletter|newsletter)"
    r".{0,40}(?:abmelden|austragen|abzumelden|abbestellen|aus (?:dem|ihrem|eurem|der|ihrer) (?:verteiler|newsletter|"
    r"liste))"
    r"|(?:schicken|senden|schreiben) sie (?:mir|uns) (?:bitte )?keine (?:weiteren |mehr )?(?:e-?mails?|mails?|"
    r"werbung|newsletter)"
    r"|keine (?:weiteren )?(?:e-?mails?|mails?|newsletter|werbung) (?:mehr )?(?:von ihnen )?(?:erhalten|bekommen|"
    r"zusenden|zu erhalten)"
    r"|aus (?:ihrem|eurem|dem|ihrer) (?:e-?mail-?)?verteiler|widerrufe? (?:ich )?(?:hiermit )?(?:meine|"
    r"die) einwilligung"
    r"|widersprech\w* (?:ich )?(?:hiermit )?(?:der|jeder|jeglicher) (?:weiteren )?(?:nutzung|verwendung|verarbeitung|"
    r"zusendung)|nicht mehr (?:anschreiben|kontaktieren)"
    r"|\bmeld(?:en|et|e)? (?:sie )?(?:bitte )?(?:mich|uns)\b[^.!?]{0,60}\bab\b"
    r"|\btrag(?:en|t|e)? (?:sie )?(?:bitte )?(?:mich|uns)\b[^.!?]{0,60}\baus\b"
    r"|\b(?:nehm(?:en|t)|nimm|(?:lösch|streich|entfern)(?:en|t|e)?) (?:sie )?(?:bitte )?(?:mich|uns)\b"
    r"[^.!?]{0,40}(?:liste|verteiler|newsletter|kartei)"
    r"|\b(?:lösch|streich|entfern)(?:en|t|e)? (?:sie )?(?:bitte )?(?:alle )?(?:meine|unsere) (?:e-?mail|mail|"
    r"adresse|daten)"
    r"|\bhör(?:en|t)? (?:sie )?(?:bitte )?auf,? (?:mir|uns|mich)\b"
    r"|\blass(?:en|t|e)? (?:sie )?(?:mich|uns) (?:bitte |endlich )?in (?:ruhe|frieden)"
    r"|\bkeine weiteren? (?:e-?mails?|mails?|nachrichten|newsletter|werbung)"
    r"|\bkeine (?:e-?mails?|mails?|newsletter|werbung|werbemails) mehr\b"
    r"|(?:newsletter|werbung|werbemails|rundmails?|e-?mails?) (?:von ihnen )?nicht (?:mehr|länger)\b",
    "fr": r"(?:veuillez|merci de|je (?:veux|souhaite|voudrais|désire)).{0,30}(?:me )?(?:désabonner|désinscrire|"
    r"retirer de)"
    r"|ne (?:plus|souhaite plus|veux plus|désire plus).{0,20}(?:recevoir|m['’]envoyer|me contacter|être (?:contacté|"
    r"sollicité|démarché))"
    r"|ne (?:m['’]|nous )(?:envoyez|écrivez|contactez|sollicitez) plus|ne me (?:contactez|sollicitez) plus"
    r"|(?:merci|prière) de ne plus (?:m['’]|me |nous )\w+"
    r"|arr[êe]te[rz] de (?:m['’]|me |nous )"
    r"|(?:retir|supprim|enl[eè]v|effac|désabonn)e[rz][- ](?:moi|nous|mon adresse|mes données|notre adresse)"
    r"|désinscri(?:vez|re)[- ](?:moi|nous)|\b(?:me|nous) (?:retirer|supprimer|enlever) de"
    r"|je (?:veux|souhaite|voudrais|désire) (?:me )?(?:désabonner|désinscrire)",
    "es": r"(?:quiero|deseo|solicito|por favor).{0,30}(?:darme de baja|cancelar mi suscripción|dar de baja)"
    r"|no (?:quiero|deseo) (?:recibir )?(?:más|mas) (?:correos|emails|mensajes)|dej(?:a|e|en|ad|es"
    r"|éis) de (?:envi|mand|escrib|contact)\w*"
    r"|no (?:quiero|deseo|queremos|deseamos) (?:seguir )?recibi(?:r|endo)"
    r"|no (?:me|nos) (?:env[ií](?:en|e|es|éis)|mand(?:en|e|es|éis)|escrib(?:an|a|as|áis)|contact(?:en|e|es))\b"
    r"|\bd(?:a|e|ad|en|é|én)(?:me|nos) de baja|(?:solicito|pido|exijo|quiero|deseo) (?:la |mi )baja"
    r"|\b(?:qu[ií]t|b[oó]rr|s[aá]qu|elim[ií]n)(?:e|en|a|ad)(?:me|nos)\b"
    r"|(?:borr|elimin)(?:e|en|ar|a|ad) (?:todos )?mis datos",
    "it": r"(?:voglio|desidero|vorrei|prego di|per favore).{0,30}(?:cancellarmi|disiscrivermi|essere cancellat|"
    r"cancellatemi)"
    r"|non (?:voglio|desidero) (?:più )?ricevere|\b(?:cancella|togli|rimuovi)(?:te|mi|temi)?\b.{0,20}\b(?:mi"
    r"|lista|indirizzo)"
    r"|\b(?:cancellatemi|toglietemi|rimuovetemi)\b|smett(?:a|ete|etela|i) di (?:inviar|scriver|mandar)\w*",
    "nl": r"(?:wil|graag|gelieve|verzoek).{0,30}(?:mij|me|ons).{0,20}(?:afmelden|uitschrijven|verwijderen uit)"
    r"|geen (?:e-?mails?|mails?|nieuwsbrief|nieuwsbrieven) meer",
    "sv": r"\bta bort (?:mig|oss|min|vår)\b|(?:sluta|upphör) (?:att )?(?:skicka|mejla|maila|skriva)|"
    r"inga fler (?:mejl|mail|e-?post|utskick)",
    "da": r"\b(?:slet|fjern) (?:mig|os)\b|(?:stop|hold op) med at (?:sende|skrive|maile)",
    "nb": r"\b(?:slett|fjern) (?:meg|oss)\b|(?:slutt|stopp) (?:med )?å (?:sende|skrive|maile)|meld (?:meg|oss) av",
    "fi": r"\bpoista(?:kaa)? (?:minut|meidät|osoitteeni)\b|(?:älä|älkää) (?:enää )?lähet\w+",
    "pl": r"\b(?:wypisz|usuń|wykreśl)\w*,? (?:proszę )?(?:mnie|nas|mój|moje)\b|"
    r"(?:proszę|prosze) (?:mnie )?(?:wypisać|usunąć)|(?:nie|proszę nie) (?:przysyłaj|wysyłaj)\w*",
    "cs": r"\b(?:odhlaste|odhlásit|vyřaďte|vymažte) (?:mě|mne|nás|se|prosím)\b|neposílejte mi|nechci (?:už "
    r"|více )?dostávat",
    "pt": r"(?:quero|desejo|gostaria de|por favor).{0,30}(?:cancelar minha inscrição|descadastrar|sair da lista)"
    r"|não (?:quero|desejo) (?:mais )?receber|pare(?:m)? de (?:me )?(?:enviar|mandar|escrever)",
}
_HINTS = re.compile(
    r"unsubscrib|opt[ -]?out|abmeld|abbestell|austrag|verteiler|désabonn|désinscri|darme de baja|disiscri|uitschrij|"
    r"afmeld"
    r"|(?:did|do) ?n[o']t (?:remember )?(?:sign|subscrib|ask|regist)\w*|never (?:signed|subscribed|asked|registered)|"
    r"nie (?:angemeldet|bestellt|abonniert)|nicht (?:angemeldet|abonniert)"
    r"|descadastr|mailing list|widerruf|widersprech|withdraw|spam\b|werbung|datenschutz|dsgvo|gdpr|rgpd|in ruhe\b|"
    r"\bbaja\b|de votre liste|de (?:la|su) lista|(?:your|this|the) list\b|nicht mehr (?:schreiben|mailen)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\b(?:not|never|nicht|kein\w*|ohne|without|ne|pas|no)|n['’]t)\s+(?:\w+\s+){0,3}"
    r"(?:unsubscrib\w*|opt(?:ing)?[ -]?out|abmelden|abzumelden|abbestellen|austragen|désabonner|désinscrire|"
    r"uitschrijven|darme de baja|(?:stop|quit) (?:sending|mailing|e-?mailing|writing|contacting))"
    # Whoever tells that nothing came wants more of it.
    r"|\b(?:habe|haben|hat|hatte)\b.{0,40}\bkeine\b.{0,40}\b(?:bekommen|erhalten|gesehen)\b",
    re.IGNORECASE,
)
_TO_OTHERS = re.compile(
    r"\bif you (?:do not|don't|no longer|would rather|would like|wish|want|prefer)\b|"
    r"\b(?:wenn|falls|sofern|sollten) (?:sie|du)\b.{0,60}\b(?:nicht|kein\w*|abmelden|abbestellen|austragen)\b|"
    r"\bsi vous ne\b|\bsi no (?:desea|quiere|deseas|quieres)\b|\bse non (?:desider|vuo[il])|"
    r"\b(?:als|indien|wanneer) (?:u|je)\b.{0,40}\b(?:geen|niet|uitschrijven|afmelden)\b|\bse não (?:quiser|desejar)\b",
    re.IGNORECASE,
)
"""What stands below the mail of companies is meant for their readers, not for us."""
_SIGNATURE = re.compile(
    r"(?:sent|gesendet|envoyé|enviado|inviato|verzonden) (?:from|von|vom|mit|depuis|de|desde|da|met|vanaf)\b.{0,60}\Z",
    re.IGNORECASE,
)
"""What a telephone writes below everything."""
_ERASURE = re.compile(
    r"(?:delete|erase|remove|lösch\w*|entfern\w*|supprime[rz]|efface[rz]|(?:borr|elimin)\w+)\b.{0,40}"
    r"\b(?:data|information|account|daten|konto|données|compte|datos|cuenta)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(?:no|nope|not|never|nobody|none|wrong|mistake|who|stop|spam|nein|nee|nicht|nie|niemals|kein\w*"
    r"|falsch|irrtum|wer|"
    r"non|ne|pas|jamais|erreur|nunca|jamás|error|errore|mai|niet|geen|nooit|não|nie|inte|nej|ikke)\b|n't\b",
    re.IGNORECASE,
)
_YES = re.compile(
    r"(?:(?:hi|hello|hey|dear|good (?:morning|day|evening|afternoon)|hallo|liebe[rs]?|guten (?:tag|morgen|abend)|moin|"
    r"servus|bonjour|salut|hola|buenos d[ií]as|ciao|buongiorno|dag|beste|ol[áa]|cze[śs][ćc]|dzie[ńn] dobry|hej)\b"
    r"[^,.!:]{0,40}[,.!:]?\s+)?"
    r"(?:yes|yep|yeah|yup|sure|ok(?:ay)?|agreed|i (?:do |hereby )*(?:agree|confirm|consent|accept|approve)"
    r"|confirm(?:ed)?|"
    r"accepted|approved|please do|of course|absolutely|go ahead|gladly|with pleasure"
    r"|ja|jawohl|jo|gerne?|einverstanden|(?:hiermit )?bestätig\w*|ich (?:hiermit )?(?:bestätige|stimme"
    r"|bin einverstanden|"
    r"bin dabei)|zugestimmt|zustimmung|passt|klar|natürlich|selbstverständlich"
    r"|oui|d'accord|je (?:vous )?(?:confirme|suis d'accord|accepte|consens)|volontiers|bien s[ûu]r|confirmé"
    r"|s[ií]|vale|de acuerdo|estoy de acuerdo|confirm[oa]|acepto|claro|por supuesto"
    r"|sì|va bene|d'accordo|confermo|accetto|certo|certamente"
    r"|akkoord|ik (?:bevestig|ga akkoord|stem)|bevestigd?|graag|prima|sim|concordo|aceito|com certeza"
    r"|tak|zgadzam się|potwierdzam|jag (?:godkänner|bekräftar|samtycker)|bekräftar|godkänner|jeg (?:bekræfter"
    r"|bekrefter|"
    r"samtykker|accepterer)|bekræfter|kyllä|hyväksyn|ano|souhlasím|potvrzuji|igen|да|согласен|согласна|подтверждаю|"
    r"ναι|evet|👍|✅|\+1)(?!\w)",
    re.IGNORECASE,
)
"""How a yes begins, by language, behind a greeting or not."""
_LONGEST_YES = 300
_SHORT = 600
"""Characters beyond which a text says more than "no more mail"; then a person has to read it."""

_BY_BUTTON = re.compile(r"unsubscribe(?: [\w./-]+){1,3}\Z")
"""The subject that our own messages give to the mail by which somebody gets off."""
_BY_PROGRAM = re.compile(r"this (?:message|e-?mail) was (?:automatically )?(?:generated|sent) by\b", re.IGNORECASE)
"""What mail programs write into such a mail where it would be empty."""
_WORDS = frozenset(word.strip() for words in _ALONE.values() for word in words.split(","))
_SENTENCES = re.compile("|".join(f"(?:{phrases})" for phrases in _PHRASES.values()), re.IGNORECASE)
_EDGES = " \t.,;:!?\"'*_-–—()[]<>«»“”„"


def opts_out(subject: str, text: str) -> str:
    """``SURE`` when the new ``text`` of a message (or its subject, where that is all) takes consent back.

    ``PERHAPS`` when it may, and a person should read it; "" when nothing speaks for it.
    """
    text = text.replace("’", "'")
    lines = [_plain(line) for line in text.split("\n")[:60] if _plain(line)]
    lines = [line for line in lines if not _SIGNATURE.match(line) and not _BY_PROGRAM.match(line)]
    asked = _plain(subject) in _WORDS or _BY_BUTTON.match(_plain(subject)) is not None
    if not lines:
        return SURE if asked else ""
    joined = " ".join(lines)[: _SHORT * 4]
    is_long = len(text) > _SHORT
    if _NEGATED.search(joined):
        return PERHAPS
    if lines[0] in _WORDS and len(lines) <= 6 and not is_long:
        return SURE
    if _SENTENCES.search(joined):
        return PERHAPS if is_long or _TO_OTHERS.search(joined) else SURE
    return PERHAPS if asked or _HINTS.search(joined) else ""


def wants_erasure(text: str) -> bool:
    """Whether the text of an opt-out asks for more: that what is known of them be deleted (GDPR art. 17)."""
    return _ERASURE.search(text.replace("’", "'")) is not None


def agrees(text: str) -> bool:
    """Whether the new text of an answer to "do you really agree?" may be taken for a yes: nothing, or a short one.

    A yes begins like one: a machine that answers for somebody (away, a ticket, gone) says much, but never that.
    Whatever might be a no, or a question, is none either: a person has to read it.
    """
    lines = [line.strip() for line in text.replace("’", "'").split("\n") if _plain(line)]
    plain = " ".join(line for line in lines if not _SIGNATURE.match(_plain(line)))
    if not plain:
        return True
    said = _YES.match(plain.lstrip(_EDGES))
    return said is not None and len(plain) <= _LONGEST_YES and "?" not in plain and not _NO.search(plain)


def _plain(line: str) -> str:
    return " ".join(line[:_SHORT].strip(_EDGES).casefold().split())
