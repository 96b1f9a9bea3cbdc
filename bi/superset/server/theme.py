"""Colours, type and number formats of every page: design.md, sections 3 and 4."""

from typing import Any

FONT_FAMILY = "Inter, Helvetica, Arial, sans-serif"

#: Six colours for categories, in the order in which series take them.
CATEGORICAL = ["#2567DE", "#D17607", "#26A57E", "#A74F8D", "#A97AD3", "#CB3B38"]

#: One hue, from 5 to 85 per cent of the first colour over the tile.
SEQUENTIAL = ["#F4F7FD", "#C5D6F6", "#96B6EF", "#6896E8", "#4679E2"]

_LIGHT = {
    "colorPrimary": "#1F5FC4",
    "colorLink": "#1F5FC4",
    "colorInfo": "#1F5FC4",
    "colorError": "#C4342F",
    "colorWarning": "#A85C00",
    "colorSuccess": "#1B7F5F",
    "colorTextBase": "#17202B",
    "colorText": "#17202B",
    "colorTextSecondary": "#56616F",
    "colorTextTertiary": "#66717F",
    "colorBgBase": "#FFFFFF",
    "colorBgLayout": "#F4F6F8",
    "colorBgContainer": "#FFFFFF",
    "colorBgElevated": "#FFFFFF",
    "colorBorder": "#E3E7EC",
    "colorBorderSecondary": "#EEF1F4",
    "colorSplit": "#E3E7EC",
}

_DARK = {
    "colorPrimary": "#8AB4F8",
    "colorLink": "#8AB4F8",
    "colorInfo": "#8AB4F8",
    "colorError": "#FF8A80",
    "colorWarning": "#F2B155",
    "colorSuccess": "#5CCBA4",
    "colorTextBase": "#E6EBF1",
    "colorText": "#E6EBF1",
    "colorTextSecondary": "#AAB5C2",
    "colorTextTertiary": "#8F9BAA",
    "colorBgBase": "#11161C",
    "colorBgLayout": "#11161C",
    "colorBgContainer": "#1B2129",
    "colorBgElevated": "#232C37",
    "colorBorder": "#333D49",
    "colorBorderSecondary": "#28313B",
    "colorSplit": "#333D49",
}


def _common(app_name: str, logo_url: str) -> dict[str, Any]:
    return {
        "brandAppName": app_name,
        "brandLogoAlt": app_name,
        "brandLogoUrl": logo_url,
        "brandLogoHeight": "24px",
        "brandLogoHref": "/",
        "fontFamily": FONT_FAMILY,
        "fontUrls": [],
        "fontSize": 14,
        "fontSizeXS": "12",
        "fontSizeXXL": "26",
        # Inter is bundled in three weights; 700 would be drawn by the browser.
        "fontWeightStrong": "600",
        "fontWeightBold": "600",
        "borderRadius": 6,
        "borderRadiusLG": 8,
        "wireframe": False,
        "echartsOptionsOverrides": {
            "animation": False,
            "textStyle": {"fontFamily": FONT_FAMILY},
        },
        # Values are printed on the bars, so the axis would only repeat them.
        "echartsOptionsOverridesByChartType": {
            "echarts_timeseries_bar": {
                "grid": {"left": 4, "right": 4},
                "xAxis": {"axisLabel": {"showMaxLabel": True}},
                "yAxis": {"show": False},
            }
        },
    }


def light(app_name: str, logo_url: str) -> dict[str, Any]:
    """Give the light theme in Superset's form."""
    return {
        "algorithm": "default",
        "token": {**_common(app_name, logo_url), **_LIGHT},
    }


def dark(app_name: str, logo_url: str) -> dict[str, Any]:
    """Give the dark theme; the label of a primary button stays dark on light blue."""
    return {
        "algorithm": "dark",
        "token": {**_common(app_name, logo_url), **_DARK},
        "components": {"Button": {"primaryColor": "#11161C"}},
    }
