//! The 28 physical climate hazards of Delegated Regulation (EU) 2021/2139, annex I, appendix A: which of them are
//! events (acute) and which are changes (chronic), and what they are about.

use grc_kernel::wire_enum;

wire_enum! {
    /// Whether a hazard strikes or creeps (the distinction of IFRS S2 and the TCFD).
    pub enum Nature {
        /// An event.
        Acute = "acute",
        /// A lasting change.
        Chronic = "chronic",
    }
}

wire_enum! {
    /// What a hazard is about.
    pub enum Family {
        /// Heat and cold.
        Temperature = "temperature",
        /// Moving air.
        Wind = "wind",
        /// Too much or too little water.
        Water = "water",
        /// Earth, rock, snow and coast.
        SolidMass = "solid_mass",
    }
}

/// Declares the hazards with their classes, so that the enumeration and the classification cannot drift apart.
macro_rules! hazards {
    ($($nature:ident $family:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {
        wire_enum! {
            /// A physical climate hazard.
            pub enum Hazard { $($(#[doc = concat!("The hazard \"", $text, "\".")] $variant = $text),+),+ }
        }

        impl Hazard {
            /// Whether it strikes or creeps.
            pub fn nature(self) -> Nature {
                match self { $($(Self::$variant)|+ => Nature::$nature),+ }
            }

            /// What it is about.
            pub fn family(self) -> Family {
                match self { $($(Self::$variant)|+ => Family::$family),+ }
            }
        }
    };
}

hazards! {
    Chronic Temperature {
        ChangingTemperature = "changing temperature",
        HeatStress = "heat stress",
        TemperatureVariability = "temperature variability",
        PermafrostThaw = "permafrost thaw",
    }
    Chronic Wind { ChangingWindPatterns = "changing wind patterns" }
    Chronic Water {
        ChangingPrecipitation = "changing precipitation",
        HydrologicalVariability = "precipitation or hydrological variability",
        OceanAcidification = "ocean acidification",
        SalineIntrusion = "saline intrusion",
        SeaLevelRise = "sea level rise",
        WaterStress = "water stress",
    }
    Chronic SolidMass {
        CoastalErosion = "coastal erosion",
        SoilDegradation = "soil degradation",
        SoilErosion = "soil erosion",
        Solifluction = "solifluction",
    }
    Acute Temperature {
        HeatWave = "heat wave",
        ColdWave = "cold wave or frost",
        Wildfire = "wildfire",
    }
    Acute Wind {
        TropicalCyclone = "tropical cyclone",
        Storm = "storm",
        Tornado = "tornado",
    }
    Acute Water {
        Drought = "drought",
        HeavyPrecipitation = "heavy precipitation",
        Flood = "flood",
        GlacialLakeOutburst = "glacial lake outburst",
    }
    Acute SolidMass {
        Avalanche = "avalanche",
        Landslide = "landslide",
        Subsidence = "subsidence",
    }
}
