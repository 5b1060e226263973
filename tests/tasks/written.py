# ruff: noqa: E501
"""What people write in reviews, by language, with the encodings that files in it come in. All of it made up."""

from __future__ import annotations

LANGUAGES = {
    "Chinese": (
        "味道很好，服务员很热情|送货太慢，包装都破了|电影情节紧凑，推荐观看|质量太差，用了两天就坏了|价格便宜，性价比高",
        "好 差",
        "gb18030 gbk",
    ),
    "Chinese, traditional": (
        "味道很好，服務員很熱情|送貨太慢，包裝都破了|電影情節緊湊，推薦觀看|品質太差，用了兩天就壞了|價格便宜，性價比高",
        "讚 爛",
        "big5",
    ),
    "Japanese": (
        "とても美味しくて、また来たいです|配送が遅くて、箱が壊れていました|映画は面白かったので、おすすめします|すぐに壊れてしまい、残念です",
        "良い 悪い",
        "shift_jis euc_jp iso2022_jp",
    ),
    "Korean": (
        "음식이 정말 맛있고 직원이 친절해요|배송이 너무 늦고 상자가 망가졌어요|영화가 재미있어서 추천합니다|이틀 만에 고장나서 실망했습니다",
        "긍정 부정",
        "euc_kr cp949",
    ),
    "Russian": (
        "тёплый и честный фильм|быстрая доставка и вежливый курьер|скучный и длинный фильм|пришло сломанным, деньги не вернули",
        "хорошо плохо",
        "cp1251 koi8_r cp866 iso8859_5",
    ),
    "Bulgarian": (
        "топъл и честен филм, много ми хареса|бърза доставка и любезен куриер|скучен и дълъг филм|ужасно качество, не препоръчвам",
        "добър лош",
        "cp1251",
    ),
    "Greek": (
        "ζεστή και τίμια ταινία|γρήγορη παράδοση και ευγενικό προσωπικό|βαρετή και μεγάλη ταινία|άθλια ποιότητα, δεν το συνιστώ",
        "θετικό αρνητικό",
        "cp1253 iso8859_7",
    ),
    "Turkish": (
        "sıcak ve dürüst bir film, çok beğendim|hızlı teslimat ve güler yüzlü kurye|kırık geldi ve kimse cevap vermedi|çok güzeldi, yine alırım",
        "iyi kötü",
        "cp1254 iso8859_9",
    ),
    "Polish": (
        "ciepły i szczery film, bardzo mi się podobał|szybka dostawa i miły kurier|przyszło zepsute i nikt nie odpowiedział|świetna jakość, kupię jeszcze raz",
        "dobry zły",
        "cp1250 iso8859_2",
    ),
    "Czech": (
        "příjemný a upřímný film|rychlé doručení a milý kurýr|přišlo to rozbité a nikdo neodpověděl|skvělá kvalita, koupím znovu",
        "dobrý špatný",
        "cp1250 iso8859_2",
    ),
    "German": (
        "ein warmer und ehrlicher Film, schön gemacht|schnelle Lieferung, große Freude|kam beschädigt an und niemand hörte zu|würde ich sofort wieder kaufen",
        "gut schlecht",
        "cp1252",
    ),
    "French": (
        "un film chaleureux et honnête, très réussi|livraison rapide, équipe à l'écoute|arrivé cassé, personne n'a répondu|médiocre, déçu par la qualité",
        "bon mauvais",
        "cp1252",
    ),
    "Spanish": (
        "una película cálida y honesta, me encantó|envío rápido y atención impecable|llegó roto y nadie respondió, qué decepción|pésima calidad, señores",
        "bueno malo",
        "cp1252",
    ),
    "Hebrew": ("סרט חם וכנה, נהניתי מאוד|משלוח מהיר ושירות אדיב|הגיע שבור ואף אחד לא ענה|איכות גרועה, לא ממליץ", "טוב רע", "cp1255"),
    "Arabic": ("فيلم دافئ وصادق أعجبني كثيرا|توصيل سريع وخدمة لطيفة|وصل مكسورا ولم يرد أحد|جودة سيئة لا أنصح به", "جيد سيئ", "cp1256"),
    "Thai": ("หนังอบอุ่นและจริงใจมาก|ส่งเร็วและพนักงานสุภาพ|สินค้ามาถึงแตกและไม่มีใครตอบ|คุณภาพแย่มาก ไม่แนะนำ", "ดี แย่", "cp874"),
}  # fmt: skip
WRITTEN = [
    (texts.split("|"), labels.split(), encoding)
    for texts, labels, encodings in LANGUAGES.values()
    for encoding in encodings.split()
]
"""Sentences, two labels and an encoding, for every language and encoding."""
