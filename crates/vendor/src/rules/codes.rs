//! Codes that others give: legal entity identifiers, countries, currencies, amounts.

use grc_kernel::Checker;

/// The countries of ISO 3166-1, alpha-2, in order.
pub const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ \
BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI \
FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT \
JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ \
MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS \
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA \
UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// The currencies of ISO 4217 that money is paid in.
pub const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP \
BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL \
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB \
RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS \
VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Whether a text is a legal entity identifier: 18 letters and digits, then two check digits that make the whole, with
/// letters read as 10 to 35, leave 1 when divided by 97 (ISO 17442, ISO/IEC 7064 MOD 97-10).
pub fn is_lei(text: &str) -> bool {
    // 00, 01 and 99 would leave the same as 97, 98 and 02, and are never given.
    let check = text.get(18..).and_then(|digits| digits.parse::<u8>().ok()).is_some_and(|n| (2..=98).contains(&n));
    let shaped = text.len() == 20 && check && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    shaped
        && text.chars().filter_map(|sign| sign.to_digit(36)).fold(0_u32, |rest, value| {
            let shift = if value < 10 { 10 } else { 100 };
            (rest * shift + value) % 97
        }) == 1
}

/// Whether a text is the code of a country.
pub fn is_country(text: &str) -> bool {
    COUNTRIES.split(' ').any(|code| code == text)
}

/// Whether a text is the code of a currency.
pub fn is_currency(text: &str) -> bool {
    CURRENCIES.split(' ').any(|code| code == text)
}

/// Whether a text is an amount of money: digits, and behind a point at most four more.
pub fn is_amount(text: &str) -> bool {
    let (whole, parts) = text.split_once('.').map_or((text, None), |(whole, parts)| (whole, Some(parts)));
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole, 15) && parts.is_none_or(|parts| digits(parts, 4))
}

/// Brings a legal entity identifier into capitals and notes where it is none.
pub fn lei(field: &str, text: &mut str, check: &mut Checker) {
    text.make_ascii_uppercase();
    check.ensure(
        is_lei(text),
        field,
        "invalid",
        "must be a legal entity identifier (ISO 17442) with right check digits",
    );
}

/// Brings a country's code into capitals and notes where it is none.
pub fn country(field: &str, text: &mut str, check: &mut Checker) {
    text.make_ascii_uppercase();
    check.ensure(is_country(text), field, "invalid", "must be the two-letter code of a country (ISO 3166-1)");
}

/// The same of several countries.
pub fn countries(field: &str, texts: &mut [String], check: &mut Checker) {
    for (i, text) in texts.iter_mut().enumerate() {
        country(&format!("{field}[{i}]"), text, check);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn check_digits_of_known_identifiers_hold() {
        for good in ["529900T8BM49AURSDO55", "HWUPKR0MPOU8FGXBT394", "5493001KJTIIGC8Y1R12", "7LTWFZYICNSX8D621K86"] {
            assert!(is_lei(good), "{good}");
        }
        for bad in [
            "529900T8BM49AURSDO56",
            "529900T8BM49AURSDO5",
            "529900t8bm49aursdo55",
            "",
            "529900T8BM49AURSDOA5",
            "5299000T8BM49AURSD+9",
            "ÄÄÄÄÄÄÄÄÄÄ",
        ] {
            assert!(!is_lei(bad), "{bad}");
        }
    }

    #[test]
    fn the_lists_are_whole_and_in_order() {
        for (list, count, length) in [(COUNTRIES, 249, 2), (CURRENCIES, 156, 3)] {
            let codes: Vec<&str> = list.split(' ').collect();
            assert_eq!(codes.len(), count);
            assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(codes.iter().all(|code| code.len() == length && code.bytes().all(|b| b.is_ascii_uppercase())));
        }
        for (code, known) in [("DE", true), ("GR", true), ("EL", false), ("UK", false), ("XX", false), ("de", false)] {
            assert_eq!(is_country(code), known, "{code}");
        }
        assert!(is_currency("EUR") && !is_currency("EURO") && !is_currency("DEM"));
    }

    #[test]
    fn an_amount_is_digits() {
        for (text, known) in [
            ("0", true),
            ("1234.56", true),
            ("1234.5678", true),
            ("1234.56789", false),
            ("-1", false),
            ("1e3", false),
            (".5", false),
            ("5.", false),
            ("", false),
            ("1 000", false),
            ("1234567890123456", false),
        ] {
            assert_eq!(is_amount(text), known, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_identifier_survives_a_wrong_sign_or_two_neighbours_swapped(
            body in "[A-Z0-9]{18}",
            at in 0_usize..18,
            letter in "[A-Z]",
            digit in "[0-9]",
        ) {
            let check = (0..100).map(|n| format!("{body}{n:02}")).find(|text| is_lei(text)).unwrap();
            // A letter counts for two digits, so only a digit for a digit and a letter for a letter are certain to be seen.
            let other = if check.as_bytes()[at].is_ascii_digit() { digit } else { letter };
            let mut wrong = check.clone();
            wrong.replace_range(at..=at, &other);
            prop_assert_eq!(is_lei(&wrong), wrong == check);
            let mut swapped: Vec<u8> = check.clone().into_bytes();
            swapped.swap(at, at + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            let alike = check.as_bytes()[at].is_ascii_digit() == check.as_bytes()[at + 1].is_ascii_digit();
            prop_assert!(!alike || is_lei(&swapped) == (swapped == check));
        }
    }
}
